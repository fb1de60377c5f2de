use seatshift_messages::{Instruction, OfferId};
use seatshift_store::{Store, Unit, WorkChange};

use super::stage::{Does, Stage, one, plan, row};
use crate::commands::Verb;
use crate::planned::ApprovedRow;
use crate::planning::{PlanRow, PlanUser};
use crate::report::{Action, Report, ReportRow, read_todo};
use crate::tables::{Sheet, Style, sheet_bytes};
use crate::tracker::Outcome;
use crate::{PlannedRow, standing};

fn remedy(cause: &seatshift_messages::Cause) -> String {
    format!("do something about {}", cause.code)
}

fn approved(id: &str) -> PlannedRow {
    let base = row(id, 30);
    let plan = ApprovedRow {
        row: PlanRow {
            row_id: id.to_owned(),
            customer_name: base.customer_name.clone(),
            target_offer_id: Some(OfferId::new("f28514f0-6516-4ef9-8222-1c605a05d245")),
            ..PlanRow::default()
        },
        extra: vec!["north".to_owned()],
        users: vec![PlanUser {
            user_id: Some(uuid::Uuid::from_u128(9).into()),
            user_principal_name: "u@a.example".to_owned(),
            ..PlanUser::default()
        }],
    };
    PlannedRow { plan: plan.to_value(), ..base }
}

async fn report(stage: &Stage, rows: &[(&str, Does)]) -> Report {
    for (id, does) in rows {
        stage.world.set(id, *does);
    }
    let mut plan = plan("sha", rows.iter().map(|(id, _)| approved(id)).collect());
    plan.extra_columns = vec!["region".to_owned()];
    stage.apply(&plan).await;
    stage.control.settled().await;
    let run = standing::latest_run(&*stage.store).await.unwrap().unwrap();
    Report::of(&*stage.store, run).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_plan_comes_out_with_its_verdict() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete), ("b1", Does::Refuse), ("c1", Does::Park)]).await;
    let (rows, extra) = report.rows(&remedy);
    let verdicts: Vec<&str> = rows.iter().map(|row| row.outcome.verdict.as_str()).collect();
    assert_eq!(verdicts, ["completed", "refused", "parked"]);
    assert_eq!(extra[0], ["north"]);
    let done = &rows[0].outcome;
    assert_eq!(
        (done.undo_how.as_str(), done.old_status_now.as_str()),
        ("seatshift rollback a1", "suspended")
    );
    assert_eq!(rows[1].outcome.what_to_do, "do something about offer_not_sold");
    assert_eq!(done.plan_sha256, "sha");
}

#[tokio::test(start_paused = true)]
async fn a_report_is_a_valid_plan_and_keeps_its_columns() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete)]).await;
    let (rows, extra) = report.rows(&remedy);
    assert_eq!(ReportRow::COLUMNS[PlanRow::COLUMNS.len()], "verdict");
    assert_eq!(&ReportRow::COLUMNS[PlanRow::COLUMNS.len()..], crate::planning::REPORT_COLUMNS);
    let bytes = sheet_bytes(&rows, &report.run.extra_columns, &extra, Style::default());
    let again = crate::planning::parse_plan(&bytes, &crate::planning::KnownOffers::default());
    assert_eq!(again.problems, []);
    assert_eq!(again.lines[0].row, rows[0].plan);
    assert_eq!(again.extra_columns, ["region"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_person_is_on_the_list_and_its_answers_are_commands() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete), ("b1", Does::Park)]).await;
    let mut todo = report.todo(&remedy);
    assert_eq!(todo.len(), 1);
    assert_eq!(todo[0].row_id, "b1");
    todo[0].action = Some(Action::Retry);
    let file = read_todo(&sheet_bytes(&todo, &[], &[], Style::default()));
    let command = file.lines[0].row.command("ada").unwrap();
    let answers = stage.each(command.verb).await;
    assert_eq!((answers[0].outcome, answers[0].row.as_str()), (Outcome::Done, "b1"));
    todo[0].action = Some(Action::Wait);
    assert_eq!(todo[0].command("ada"), None);
}

#[tokio::test(start_paused = true)]
async fn users_come_from_the_chunks_or_else_from_the_plan() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete), ("b1", Does::Refuse)]).await;
    let user = uuid::Uuid::from_u128(9);
    let body = serde_json::json!({"chunk": {"index": 0, "users": [
        {"user": user, "standing": "moved", "before": {"disabled": [uuid::Uuid::from_u128(5)]}}
    ]}});
    let mut unit = Unit::new(seatshift_messages::Service::Reassignment);
    unit.work.push(WorkChange::Put {
        migration: report.standings[0].migration,
        part: "chunk-00000".to_owned(),
        expected: None,
        body: body.to_string(),
        due: None,
    });
    stage.store.commit(vec![unit]).await.unwrap();
    let users = report.users(&*stage.store).await.unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!((users[0].standing.as_str(), users[0].user_principal_name.as_str()), ("moved", "u@a.example"));
    assert_eq!(users[0].disabled_before, uuid::Uuid::from_u128(5).to_string());
    assert_ne!(users[0].sku_before, users[0].sku_after);
    assert_eq!((users[1].standing.as_str(), users[1].row_id.as_str()), ("not_moved", "b1"));
    assert!(users[1].reason.contains("offer_not_sold"));
}

#[tokio::test(start_paused = true)]
async fn figures_count_all_six_verdicts() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete), ("b1", Does::Refuse), ("c1", Does::Park)]).await;
    let figures = report.figures(&*stage.store).await.unwrap();
    assert_eq!((figures.rows, figures.migrations), (3, 3));
    let counts: Vec<usize> = figures.verdicts.values().copied().collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (6, 3));
    stage.each(Verb::Accept { target: one("c1") }).await;
    let run = report.run.clone();
    let report = Report::of(&*stage.store, run).await.unwrap();
    assert_eq!(report.figures(&*stage.store).await.unwrap().verdicts["accepted"], 1);
}

/// Control's own ledger keeps the instruction: the report needs no other service's.
#[tokio::test(start_paused = true)]
async fn the_instruction_is_kept_with_controls_ledger() {
    let stage = Stage::new().await;
    let report = report(&stage, &[("a1", Does::Complete)]).await;
    let row = stage
        .store
        .ledgers(seatshift_messages::Service::Control, &[report.standings[0].migration])
        .await
        .unwrap();
    let kept: &Instruction = row[0].instruction.as_deref().unwrap();
    assert_eq!(kept.row, "a1");
}
