//! The table of codes, and what becomes of each of its rows.

use std::collections::BTreeSet;

use seatshift_partner_center::codes::all_codes;
use seatshift_partner_center::{Family, LicenseUpdate, Remedy, explain};

use crate::script::{CUSTOMER, USER, answer, fault, intent, stage};

/// All codes of the contract, by HTTP status, written down apart from the table. Under 0: those of a cart's lines, which
/// stand inside a good answer.
const CONTRACT: &str = "
401: 400 800001
403: 2032 20002 800039 900149 800043 900150 900308 900309 900329 2006 2030 2085 2091 400036 13605 900123 900124 800020
403: 800022 800023 800024 800025 800026 800062 900121 800028 800019 800066 800089 800067 800088 800069 800073 800074
403: 800075 800027 800077 900263 900322
404: 1000 60002 60003 400013 400018 400019 20000 2072 800015 800007 800008 20003 3000
400: 900316 900118 900127 900141 800042 2100 400072 400056 4018 27006 27007 2071 2200 800016 800002 800004 800009 800010
400: 800017 800018 800022 800023 800024 800025 800026 800062 900121 800029 800061 800063 800065 800070 800071 800086
400: 900169 900203 900206 900275 2001 2002 2006 2011 2012 2054 2055 3000 6000 6001 800012 800021 800040 800072 800080
400: 800085 800081 800082 800090 800091 800092 800093 800095 800096 800097 800098 900117 900213 900214 900257 900277
400: 900242 900244 900245 900246 900279 900280 900311 60012 60000 900258 900259 900260 900261 900236 900267 900268 900269 900270 900262 900291 900292
409: 800014 800060 800064 27009 900278
417: 800036
500: 800003 800005 800094 900192
501: 0
200: 400072
0: 500600 10000 10001 10002 10003 10004 10006 10007 10008 10009 10010 10011 10012 10013 10014 10015 10016 10017 10018 10019
";

fn contract() -> BTreeSet<(u16, u32)> {
    CONTRACT
        .lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(status, codes)| {
            codes.split(' ').map(move |code| (status.parse().unwrap(), code.parse().unwrap()))
        })
        .collect()
}

#[test]
fn the_table_has_every_code_of_the_contract_once_and_no_other() {
    let rows: Vec<(u16, u32)> = all_codes().iter().map(|row| (row.status.unwrap_or(0), row.code)).collect();
    let table: BTreeSet<_> = rows.iter().copied().collect();
    assert_eq!(table.len(), rows.len(), "no row stands twice");
    assert_eq!(table, contract());
    assert_eq!(explain(500_600, None).unwrap().remedy, Remedy::Refused);
    assert!(all_codes().iter().all(|row| !row.meaning.is_empty() && !row.advice.is_empty()));
}

#[test]
fn one_number_may_mean_two_things() {
    assert!(explain(2006, Some(403)).unwrap().meaning.contains("sell"));
    assert!(explain(2006, Some(400)).unwrap().meaning.contains("changed"));
    assert!(explain(2055, None).is_some() && explain(2055, Some(500)).is_some());
    assert_eq!(explain(123_456, Some(400)), None);
}

/// What a change of licenses answered with this row must be.
fn of_a_change(status: u16, code: u32) -> Remedy {
    match (status, code) {
        (500 | 501, _) => Remedy::UnknownOutcome,
        (200, _) => Remedy::UnknownOutcome,
        (401, _) => Remedy::Retry,
        _ => explain(code, Some(status)).unwrap().remedy,
    }
}

#[tokio::test(start_paused = true)]
async fn each_row_of_the_table_decides_what_becomes_of_a_change() {
    for (status, code) in contract().into_iter().filter(|(status, _)| *status != 0) {
        let stage = stage();
        stage.script.then(fault(status, code));
        let update = LicenseUpdate { remove: vec![USER], ..LicenseUpdate::default() };
        let permit = stage.permit(Family::Licenses).await;
        let error =
            stage.client.update_licenses(permit, intent(1), CUSTOMER, USER, &update).await.unwrap_err();
        assert_eq!(error.remedy, of_a_change(status, code), "{status}/{code}");
        assert_eq!((error.status, error.code), (Some(status), Some(code)));
    }
}

#[tokio::test(start_paused = true)]
async fn each_row_of_the_table_decides_what_becomes_of_a_read() {
    for (status, code) in contract().into_iter().filter(|(status, _)| *status != 0) {
        let stage = stage();
        for _ in 0..3 {
            stage.script.then(fault(status, code));
        }
        let error = stage.client.customer(CUSTOMER).await.unwrap_err();
        let row = explain(code, Some(status)).unwrap();
        assert_eq!(error.remedy, row.remedy, "{status}/{code}");
        let tries = stage.script.sent().len();
        let repeated = matches!(row.remedy, Remedy::Retry);
        assert_eq!(
            tries,
            if repeated {
                3
            } else if status == 401 {
                2
            } else {
                1
            },
            "{status}/{code}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_code_goes_to_a_person() {
    for body in [r#"{"code":999999,"description":"x"}"#, r#"{"code":"999999"}"#, "<html>", ""] {
        let stage = stage();
        stage.script.then(answer(400, body));
        let error = stage.client.customer(CUSTOMER).await.unwrap_err();
        assert_eq!(error.remedy, Remedy::Person, "{body}");
        assert_eq!(error.explanation(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_what_to_know_and_no_words_of_the_answer() {
    let stage = stage();
    let body =
        r#"{"code":"20002","description":"Dan Holm of Fabrikam may not","data":["dan@fabrikam.example"]}"#;
    stage.script.then(answer(403, body));
    let error = stage.client.correlated(intent(9)).customer(CUSTOMER).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("customer: HTTP 403, code 20002, The partner has no commerce relation"),
        "{text}"
    );
    assert!(text.contains(&intent(9).to_string()) && text.contains(&error.request_id.to_string()), "{text}");
    for word in ["Dan", "Fabrikam", "fabrikam"] {
        assert!(!text.contains(word) && !format!("{error:?}").contains(word), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_shape_goes_to_a_person() {
    let stage = stage();
    stage.script.then(answer(200, r#"{"value":[]}"#));
    let error = stage.client.subscriptions(CUSTOMER).await.unwrap_err();
    assert_eq!((error.remedy, error.status), (Remedy::Person, Some(200)));
    assert!(error.to_string().contains("`items` is missing"), "{error}");
}
