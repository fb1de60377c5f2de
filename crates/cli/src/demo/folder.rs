//! The folder that a demo leaves behind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::ending::Usage;

/// The first line of the configuration that a demo writes: by it a folder is known as a demo's own.
const MARK: &str = "# Made by `seatshift demo`.";

/// What the commands that one tries on the demo's state are configured with.
const CONFIG: &str = "\
#
# The partner is a simulated one, inside each command: world.json is how it stands, and is written back at the end of
# every command that calls it. Nothing here leaves this machine.

allow_changes = true
state_dir = \"state\"
operator = \"demo\"

[simulator]
world = \"world.json\"
scale = 600

[run]
# Nobody is there to look and to resume, so the stop rule is off: every row gets its turn.
stop_after_first = 0
stop_percent = 0
";

/// Makes the folder ready: new, or an earlier demo's, which is removed. Anybody else's is left alone.
pub(crate) fn prepare(folder: &Path) -> anyhow::Result<PathBuf> {
    let config = folder.join("seatshift.toml");
    let empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !empty {
        let own = fs::read_to_string(&config).is_ok_and(|text| text.starts_with(MARK));
        if !own {
            return Err(Usage::new(format!(
                "{}: this folder is not empty and not a demo's; name another one with --out",
                folder.display()
            ))
            .into());
        }
        let _lock = crate::lock::Lock::take(&folder.join("state"), "demo").map_err(crate::ending::locked)?;
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    crate::lock::make_private(folder).with_context(|| folder.display().to_string())?;
    fs::write(&config, format!("{MARK}\n{CONFIG}")).with_context(|| config.display().to_string())?;
    fs::canonicalize(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_demo_is_replaced_and_anything_else_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("demo");
        prepare(&folder).unwrap();
        fs::write(folder.join("report.csv"), "old").unwrap();
        prepare(&folder).unwrap();
        assert!(!folder.join("report.csv").exists());
        let other = place.path().join("photos");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("cat.jpg"), "").unwrap();
        assert!(prepare(&other).unwrap_err().to_string().contains("--out"));
        assert!(other.join("cat.jpg").exists());
    }

    #[test]
    fn the_configuration_of_a_demo_can_be_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = prepare(&place.path().join("demo")).unwrap();
        let settings =
            crate::settings::Settings::read(Some(&folder.join("seatshift.toml")), std::iter::empty())
                .unwrap();
        assert!(settings.allow_changes);
        assert_eq!(settings.simulator.unwrap().world, folder.join("world.json"));
    }
}
