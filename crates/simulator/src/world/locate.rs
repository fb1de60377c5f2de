//! Finding the places at which a JSON document is not a world.
//!
//! The derived reader stops at the first fault and knows only line and column. Here the document is taken apart by hand at
//! its lists, so that every faulty customer, user or subscription is named, and the others can be used.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::World;
use super::problem::Problem;

/// The world without its faulty customers, whose faults are added to `problems`. None when something else is faulty too.
pub(super) fn good_rest(document: Value, problems: &mut Vec<Problem>) -> Option<World> {
    let Value::Object(mut document) = document else {
        problems.push(Problem::new(
            "the file",
            "it is not a JSON object",
            "begin with { \"version\": 1, ... }",
        ));
        return None;
    };
    let customers = match document.remove("customers") {
        Some(Value::Array(customers)) => customers,
        other => {
            let cause = if other.is_none() { "there is no list of customers" } else { "this is not a list" };
            problems.push(Problem::new("customers", cause, "give \"customers\": [ ... ]; it may be empty"));
            return None;
        }
    };
    let mut good = Vec::new();
    for (position, customer) in customers.into_iter().enumerate() {
        let before = problems.len();
        customer_faults(&customer, &format!("customers[{position}]"), problems);
        if problems.len() == before {
            good.push(customer);
        }
    }
    let before = problems.len();
    top_faults(&document, problems);
    document.insert("customers".to_owned(), Value::Array(good));
    match serde_json::from_value(Value::Object(document)) {
        Ok(world) => Some(world),
        Err(error) => {
            if problems.len() == before {
                problems.push(fault("the file", &error));
            }
            None
        }
    }
}

fn top_faults(document: &Map<String, Value>, problems: &mut Vec<Problem>) {
    for (key, value) in document {
        match (key.as_str(), value) {
            ("skus", Value::Array(skus)) => each::<super::Sku>("skus", skus, problems),
            ("offers", Value::Array(offers)) => each::<super::Offer>("offers", offers, problems),
            ("new_commerce", value) => one::<super::NewCommerce>("new_commerce", value, problems),
            ("partner", value) => one::<super::Partner>("partner", value, problems),
            ("readings", value) => one::<super::Readings>("readings", value, problems),
            ("faults", value) => one::<super::Faults>("faults", value, problems),
            ("lags", value) => one::<super::Lags>("lags", value, problems),
            ("start", value) => one::<jiff::Timestamp>("start", value, problems),
            _ => {}
        }
    }
}

fn customer_faults(customer: &Value, place: &str, problems: &mut Vec<Problem>) {
    let before = problems.len();
    let mut shell = customer.clone();
    if let Value::Object(fields) = &mut shell {
        if let Some(Value::Array(subscriptions)) = fields.get_mut("subscriptions") {
            each::<super::Subscription>(&format!("{place}.subscriptions"), subscriptions, problems);
            subscriptions.clear();
        }
        if let Some(Value::Array(users)) = fields.get_mut("users") {
            for (position, user) in users.iter_mut().enumerate() {
                user_faults(user, &format!("{place}.users[{position}]"), problems);
            }
            users.clear();
        }
    }
    one::<super::Customer>(place, &shell, problems);
    debug_assert!(
        problems.len() > before || serde_json::from_value::<super::Customer>(customer.clone()).is_ok()
    );
}

fn user_faults(user: &mut Value, place: &str, problems: &mut Vec<Problem>) {
    if let Some(Value::Array(licenses)) = user.get_mut("licenses") {
        each::<super::License>(&format!("{place}.licenses"), licenses, problems);
        licenses.clear();
    }
    one::<super::User>(place, user, problems);
}

fn each<T: DeserializeOwned>(place: &str, values: &[Value], problems: &mut Vec<Problem>) {
    for (position, value) in values.iter().enumerate() {
        one::<T>(&format!("{place}[{position}]"), value, problems);
    }
}

/// Tries the object as a whole; where it fails, the field without which it fails otherwise, or not at all, is to blame.
fn one<T: DeserializeOwned>(place: &str, value: &Value, problems: &mut Vec<Problem>) {
    let Err(error) = T::deserialize(value) else { return };
    let said = error.to_string();
    let blamed = value.as_object().filter(|_| !said.starts_with("missing field")).and_then(|fields| {
        fields.keys().find(|key| {
            let mut without = fields.clone();
            without.remove(*key);
            T::deserialize(Value::Object(without)).err().is_none_or(|other| other.to_string() != said)
        })
    });
    let place = blamed.map_or_else(|| place.to_owned(), |field| format!("{place}.{field}"));
    problems.push(fault(&place, &said));
}

fn fault(place: &str, error: &impl ToString) -> Problem {
    let cause = error.to_string();
    let remedy = if cause.starts_with("missing field") {
        "add it; WORLDS.md lists what is required"
    } else if cause.starts_with("unknown field") {
        "remove or rename it; the names after \"expected\" are the ones known here"
    } else if cause.starts_with("unknown variant") {
        "write one of the names after \"expected\""
    } else {
        "write a value of the kind that is expected here; WORLDS.md shows each"
    };
    Problem::new(place, cause, remedy)
}

/// For each kept customer, its position in the file, when those named by `problems` were left out.
pub(super) fn positions(problems: &[Problem], kept: usize) -> Vec<usize> {
    let left_out: Vec<usize> = problems.iter().filter_map(Problem::customer).collect();
    (0..).filter(|position| !left_out.contains(position)).take(kept).collect()
}

/// The problem with its customer's position in the list of kept ones replaced by the position in the file.
pub(super) fn moved(mut problem: Problem, kept: &[usize]) -> Problem {
    if let Some(position) = problem.customer().and_then(|here| kept.get(here)) {
        let rest = problem.place.split_once(']').map_or("", |(_, rest)| rest);
        problem.place = format!("customers[{position}]{rest}");
    }
    problem
}
