//! `explain`: what a code means and what to do, whoever it comes from.

use seatshift_control::planning::Reason;
use seatshift_partner_center::codes::all_codes;
use seatshift_partner_center::{Explanation, Remedy};
use serde::Serialize;

use super::causes::CAUSES;
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::settings::nearest;

/// Say what a code means and what to do: a cause of Seatshift, a reason of a plan, an error code of Microsoft
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift explain shared_with_staying
  seatshift explain 60012
  seatshift explain 403/2006        (the same number can mean different things under different statuses)
  seatshift explain                 (all of them)")]
pub(crate) struct Args {
    /// The code, as it stands in a plan, a report or a log
    code: Option<String>,
}

/// One meaning.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
struct Meaning {
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// `plan`, `seatshift` or `microsoft`.
    of: &'static str,
    means: String,
    what_to_do: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Ending> {
    let meanings = match &args.code {
        Some(code) => {
            let found = find(code);
            if found.is_empty() {
                return Err(unknown(code).into());
            }
            found
        }
        None => all(),
    };
    context.output.show(&meanings, || meanings.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(Ending::Fine)
}

/// What to do about a code, in a sentence.
pub(crate) fn what_to_do(code: &str) -> String {
    let found = find(code).into_iter().next();
    found.map_or_else(|| "`seatshift show WHO` says more.".to_owned(), |meaning| meaning.what_to_do)
}

fn find(code: &str) -> Vec<Meaning> {
    let code = code.trim().to_lowercase();
    let bare = code.strip_prefix("microsoft_").unwrap_or(&code);
    let (status, number) = match bare.split_once(['/', ' ']) {
        Some((status, number)) => (status.trim().parse::<u16>().ok(), number.trim()),
        None => (None, bare),
    };
    let fits = |meaning: &Meaning| meaning.code == number && (status.is_none() || meaning.status == status);
    all().into_iter().filter(fits).collect()
}

fn all() -> Vec<Meaning> {
    let causes = CAUSES.iter().map(|(code, means, what_to_do)| Meaning {
        code: (*code).to_owned(),
        status: None,
        of: "seatshift",
        means: (*means).to_owned(),
        what_to_do: (*what_to_do).to_owned(),
    });
    let reasons = Reason::ALL.iter().map(|reason| Meaning {
        code: reason.code().to_owned(),
        status: None,
        of: "plan",
        means: format!("A row of the plan with this reason is {}.", reason.readiness().name()),
        what_to_do: match reason.what_to_do() {
            "" => "Nothing.".to_owned(),
            what => what.to_owned(),
        },
    });
    let microsoft = all_codes().iter().map(|row: &Explanation| Meaning {
        code: row.code.to_string(),
        status: row.status,
        of: "microsoft",
        means: format!("{} {}", row.meaning, handled(row.remedy)),
        what_to_do: row.advice.to_owned(),
    });
    causes.chain(reasons).chain(microsoft).collect()
}

fn handled(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Retry => "Seatshift tries again by itself.",
        Remedy::Throttled { .. } => "Seatshift waits as long as Microsoft says.",
        Remedy::Wait => "Seatshift waits and looks again.",
        Remedy::Conflict => "Seatshift reads again and decides anew.",
        Remedy::Refused => "Seatshift takes it for a final no: the row is refused or parked.",
        Remedy::Person => "Seatshift parks the row: a person must do something first.",
        Remedy::UnknownOutcome => "Seatshift finds out what became of the call before it does anything else.",
    }
}

fn text(meaning: &Meaning) -> String {
    let of = match meaning.of {
        "microsoft" => "error code of Microsoft",
        "plan" => "reason in a plan",
        _ => "cause given by Seatshift",
    };
    let status = meaning.status.map(|status| format!(" with HTTP {status}")).unwrap_or_default();
    format!(
        "{}{status} ({of})\n  means:      {}\n  what to do: {}\n",
        meaning.code, meaning.means, meaning.what_to_do
    )
}

fn unknown(code: &str) -> Usage {
    let all = all();
    let near = nearest(code, all.iter().map(|meaning| meaning.code.as_str()));
    let remedy = match near {
        Some(near) => format!("`{near}` was probably meant"),
        None => {
            "`seatshift explain` without a code lists all; a code of Microsoft that is not among them is \
                 treated as a case for a person"
                .to_owned()
        }
    };
    Usage::new(format!("`{code}` is not a code that is known here; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_written() {
        assert_eq!(find("60012").len(), 1);
        assert_eq!(find("microsoft_60012"), find("60012"));
        assert_eq!(find("403/2006").len(), 1);
        assert!(find("2006").len() > 1);
        assert_eq!(find("Shared_With_Staying")[0].of, "plan");
        assert!(find("weather").is_empty());
        assert!(unknown("near_mis").0.contains("near_miss"));
    }

    /// Causes are given by code all over the services. One that nobody explains would leave a person alone with a word.
    #[test]
    fn every_cause_that_the_services_give_is_explained() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut given = std::collections::BTreeSet::new();
        for room in ["services", "crates/edge", "crates/host"] {
            collect(&root.join(room), &mut given);
        }
        assert!(given.len() > 10, "the search finds nothing any more: {given:?}");
        let unexplained: Vec<_> = given.iter().filter(|code| find(code).is_empty()).collect();
        assert!(unexplained.is_empty(), "not explained: {unexplained:?}");
    }

    fn collect(folder: &std::path::Path, given: &mut std::collections::BTreeSet<String>) {
        let paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let is_rust = |path: &std::path::Path| path.extension().is_some_and(|ending| ending == "rs");
        let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
        let all: String = paths.iter().filter(|path| is_rust(path)).map(read).collect();
        for path in paths {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            // Tests stand in folders and modules of their own.
            let of_tests = all
                .split("#[cfg(test)]")
                .skip(1)
                .any(|rest| rest.trim_start().starts_with(&format!("mod {name};")));
            if name == "tests" || of_tests {
                continue;
            }
            if path.is_dir() {
                collect(&path, given);
            } else if is_rust(&path) {
                let text = read(&path);
                for part in text.split("Cause::new(").skip(1) {
                    let Some(quoted) = part.trim_start().strip_prefix('"') else { continue };
                    given.insert(quoted.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
}
