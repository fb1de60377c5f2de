//! World files: reading with every fault told, and writing.

use std::io;
use std::path::Path;

use serde_json::Value;

use super::problem::{Problem, WorldError};
use super::{World, locate, truth, validate};

/// Reads a world file, checks it, and fills in the truth where the file does not say it.
///
/// # Errors
/// Every fault of the file, each with its place, its cause and what to do.
pub fn read(path: &Path) -> Result<World, WorldError> {
    parse(&text_of(path)?, &path.display().to_string())
}

/// The same from a string; `source_name` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, source_name: &str) -> Result<World, WorldError> {
    let (world, problems) = parse_good_rest(text, source_name)?;
    if problems.is_empty() {
        Ok(world)
    } else {
        Err(WorldError { source_name: source_name.to_owned(), problems })
    }
}

/// Reads a world file and goes on with what is good of it: a customer with a fault is left out, and its faults are given
/// back beside the world.
///
/// # Errors
/// Where the fault is not one customer's, so that nothing sensible would be left.
pub fn read_good_rest(path: &Path) -> Result<(World, Vec<Problem>), WorldError> {
    parse_good_rest(&text_of(path)?, &path.display().to_string())
}

/// Writes a world as indented JSON that [`read`] takes back unchanged.
///
/// # Errors
/// What the file system says.
pub fn write(world: &World, path: &Path) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(world)?;
    text.push(b'\n');
    std::fs::write(path, text)
}

fn text_of(path: &Path) -> Result<String, WorldError> {
    std::fs::read_to_string(path).map_err(|error| WorldError {
        source_name: path.display().to_string(),
        problems: vec![Problem::new(
            "the file",
            format!("it cannot be read ({error})"),
            "check its name and rights; `--write-world FILE` writes an example",
        )],
    })
}

fn parse_good_rest(text: &str, source_name: &str) -> Result<(World, Vec<Problem>), WorldError> {
    let refuse = |problems| WorldError { source_name: source_name.to_owned(), problems };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut problems = Vec::new();
    let mut world = match serde_json::from_str::<World>(text) {
        Ok(world) => world,
        Err(_) => {
            let value: Value = serde_json::from_str(text).map_err(|error| refuse(vec![not_json(&error)]))?;
            locate::good_rest(value, &mut problems).ok_or_else(|| refuse(problems.clone()))?
        }
    };
    // The good rest of a partly unreadable file is at other positions than in the file, so it is checked by itself.
    let kept = locate::positions(&problems, world.customers.len());
    if let Err(error) = validate::validate(&world) {
        let (customers, others): (Vec<_>, Vec<_>) =
            error.problems.into_iter().partition(|problem| problem.customer().is_some());
        if !others.is_empty() {
            problems.extend(others);
            problems.extend(customers);
            return Err(refuse(problems));
        }
        let bad: Vec<usize> = customers.iter().filter_map(Problem::customer).collect();
        problems.extend(customers.into_iter().map(|problem| locate::moved(problem, &kept)));
        let mut position = 0;
        world.customers.retain(|_| {
            position += 1;
            !bad.contains(&(position - 1))
        });
    }
    truth::fill(&mut world);
    Ok((world, problems))
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        format!("line {}, column {}", error.line(), error.column()),
        format!("this is not JSON ({error})"),
        "mend it there; often a comma or a quotation mark is missing just before",
    )
}
