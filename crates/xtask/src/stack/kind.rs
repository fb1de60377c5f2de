//! What a stack keeps the record of: a simulated partner, whose world ends with its simulator, or the real one.
//!
//! It is written into the stack's folder before anything else is, and asked before anything is deleted. What must never happen:
//! that the record of real purchases is taken for the rest of a simulation. Without it everything could be bought twice.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use seatshift_servers::{Postgres, Shared};

use super::place::Stack;
use crate::run::root;

/// The Partner Center of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Simulated,
    Real,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Simulated => "simulated",
            Kind::Real => "real",
        }
    }

    /// What stands in the folder; none when nothing does.
    fn noted(stack: &Stack) -> Result<Option<Kind>> {
        let Ok(text) = fs::read_to_string(stack.kind()) else { return Ok(None) };
        let known = [Kind::Simulated, Kind::Real].into_iter().find(|kind| kind.word() == text.trim());
        let wrong = || format!("{} says neither `real` nor `simulated`", stack.kind().display());
        known.with_context(wrong).map(Some)
    }

    /// Makes the stack one of this kind, or refuses: what one kind has kept is never gone on with, or deleted, as the other.
    pub(crate) fn settle(self, stack: &Stack) -> Result<()> {
        let (dir, noted) = (stack.dir().display(), Kind::noted(stack)?);
        match (noted, self) {
            (Some(noted), _) if noted == self => {}
            _ if !Shared::has_data(stack.dir()) => {}
            (Some(Kind::Real), _) => bail!(
                "{dir} holds the record of a stack that speaks to the real Partner Center: what was bought, moved and suspended \
                 stands there. Nothing was changed. To go on with it: `{} --real-partner-center --config FILE`; for a simulated \
                 one name another folder with --dir",
                stack.command("up")
            ),
            (Some(Kind::Simulated), _) => bail!(
                "{dir} holds what is kept about a simulated partner, which must not be taken for the real one. Nothing was \
                 changed. Name another folder with --dir, or delete this one: `{} --delete`",
                stack.command("down")
            ),
            (None, _) => return Err(unknown(stack)),
        }
        if self == Kind::Real {
            keeps(stack.dir())?;
        }
        fs::write(stack.kind(), format!("{}\n", self.word()))
            .with_context(|| stack.kind().display().to_string())
    }

    /// Refuses to delete what nobody can get back.
    pub(crate) fn may_be_deleted(stack: &Stack) -> Result<()> {
        match Kind::noted(stack)? {
            Some(Kind::Simulated) => Ok(()),
            Some(Kind::Real) => bail!(
                "{} holds the record of what was bought, moved and suspended at the real Partner Center. Nothing was stopped or \
                 deleted. Without --delete it is stopped; whoever wants the record gone keeps a copy and deletes the folder",
                stack.dir().display()
            ),
            None if Shared::has_data(stack.dir()) => Err(unknown(stack)),
            None => Ok(()),
        }
    }
}

fn unknown(stack: &Stack) -> anyhow::Error {
    anyhow::anyhow!(
        "{} does not say whether its data are of a simulated partner or the record of real purchases. Nothing was changed. Write \
         `simulated` or `real` into {}",
        stack.dir().display(),
        stack.kind().display()
    )
}

/// Refuses a folder that something else empties: cargo's target folder, or one whose data would lie among temporary files.
fn keeps(dir: &Path) -> Result<()> {
    let target = root()?.join("target");
    let tagged = |above: &Path| above.join("CACHEDIR.TAG").exists();
    if dir.starts_with(&target) || dir.ancestors().any(tagged) {
        bail!(
            "{} is a place for what can be made again (`cargo clean` deletes it), and a stack that speaks to the real Partner \
             Center keeps there what was bought. Name another folder: --dir /var/lib/seatshift",
            dir.display()
        );
    }
    if !Postgres::keeps_data_in(dir) {
        bail!(
            "PostgreSQL, which does not run as root, cannot get into {}: its data would lie among the temporary files. Name a \
             folder with --dir that every user may pass through, such as /var/lib/seatshift",
            dir.display()
        );
    }
    Ok(())
}
