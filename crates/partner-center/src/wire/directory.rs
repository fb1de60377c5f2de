//! The directory's answers (Microsoft Graph).

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Read, Scalar, piece, required};
use crate::model::{Assignment, Holder, Malformed};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct HolderJson<'a> {
    id: Scalar<'a>,
    license_assignment_states: Option<Vec<AssignmentJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct AssignmentJson<'a> {
    sku_id: Scalar<'a>,
    disabled_plans: Option<Vec<Scalar<'a>>>,
    assigned_by_group: Scalar<'a>,
    state: Scalar<'a>,
    error: Scalar<'a>,
}

impl Read for Holder {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: HolderJson<'_> = piece(json)?;
        let states = required(json.license_assignment_states, "licenseAssignmentStates")?;
        Ok(Self {
            user: required(json.id.guid(), "id")?,
            assignments: states.iter().map(assignment).collect::<Result<_, _>>()?,
        })
    }
}

fn assignment(json: &AssignmentJson<'_>) -> Result<Assignment, Malformed> {
    Ok(Assignment {
        sku: required(json.sku_id.guid(), "licenseAssignmentStates.skuId")?,
        group: group(&json.assigned_by_group)?,
        state: json.state.word(),
        error: json.error.text().filter(|word| !word.eq_ignore_ascii_case("none")).map(Into::into),
        disabled_plans: json
            .disabled_plans
            .iter()
            .flatten()
            .map(|plan| required(plan.guid(), "licenseAssignmentStates.disabledPlans"))
            .collect::<Result<_, _>>()?,
    })
}

/// The group. Only `null` means that there is none: a license from a group that cannot be read is not a direct one.
fn group(json: &Scalar<'_>) -> Result<Option<Uuid>, Malformed> {
    match json {
        Scalar::Nothing => Ok(None),
        group => required(group.guid(), "licenseAssignmentStates.assignedByGroup").map(Some),
    }
}
