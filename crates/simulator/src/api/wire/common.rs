//! Links, attributes, collections, ids.

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::api::paging::TOKEN_HEADER;

/// An id in upper case, as legacy subscriptions and offers have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper(pub(crate) Uuid);

impl Serialize for Upper {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_upper(&mut Uuid::encode_buffer()))
    }
}

impl std::fmt::Display for Upper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.hyphenated().encode_upper(&mut Uuid::encode_buffer()))
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) uri: String,
    method: &'static str,
    headers: Vec<Header>,
}

#[derive(Debug, Serialize)]
struct Header {
    key: &'static str,
    value: String,
}

impl Link {
    pub(crate) fn to(uri: String) -> Self {
        Self { uri, method: "GET", headers: Vec::new() }
    }

    pub(crate) fn next(uri: String, token: &str) -> Self {
        let headers = vec![Header { key: TOKEN_HEADER, value: token.to_owned() }];
        Self { uri, method: "GET", headers }
    }
}

/// `links` of a resource or a collection.
#[derive(Debug, Serialize)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    pub(crate) itself: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Link>,
}

impl Links {
    pub(crate) fn itself(uri: String) -> Self {
        Self { itself: Link::to(uri), next: None }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(rename = "objectType")]
    object_type: &'static str,
}

impl Attributes {
    pub(crate) fn of(object_type: &'static str) -> Self {
        Self { etag: None, object_type }
    }

    pub(crate) fn with_etag(etag: String, object_type: &'static str) -> Self {
        Self { etag: Some(etag), object_type }
    }

    pub(crate) fn with_etag_if_any(etag: Option<String>, object_type: &'static str) -> Self {
        Self { etag, object_type }
    }
}

/// A list; `totalCount` counts this page alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Collection<T> {
    total_count: usize,
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
    attributes: Attributes,
}

/// A list with its links; `token` asks for the page after this one.
pub(crate) fn collection<T>(items: Vec<T>, links: Option<Links>, token: Option<String>) -> Collection<T> {
    Collection {
        total_count: items.len(),
        items,
        continuation_token: token,
        links,
        attributes: Attributes::of("Collection"),
    }
}
