//! User accounts.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required};
use crate::model::{Malformed, User};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct UserJson<'a> {
    id: Scalar<'a>,
    user_principal_name: Scalar<'a>,
    display_name: Scalar<'a>,
    usage_location: Scalar<'a>,
    state: Scalar<'a>,
}

impl Read for User {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: UserJson<'_> = piece(json)?;
        Ok(Self {
            id: required(json.id.guid(), "id")?,
            principal_name: json.user_principal_name.text_or_empty(),
            display_name: json.display_name.text_or_empty(),
            usage_location: json.usage_location.text().map(|country| country.to_ascii_uppercase()),
            state: json.state.word(),
        })
    }
}
