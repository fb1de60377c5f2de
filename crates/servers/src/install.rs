//! Where Debian's packages put the programs, and how to get them when they are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The oldest RabbitMQ that the topology's arguments mean the same on (Debian 12 has 3.10).
pub const RABBITMQ_AT_LEAST: (u32, u32) = (3, 10);
/// The oldest PostgreSQL that is tested (Debian 12 has 15).
pub const POSTGRES_AT_LEAST: (u32, u32) = (15, 0);

const PACKAGES: [&str; 2] = ["rabbitmq-server", "postgresql"];

/// Makes sure that both servers' programs are here: installs Debian's packages when they are missing and that is permitted.
///
/// # Errors
/// When they are missing and cannot be installed, or are too old: says what to run.
pub fn ensure_installed() -> Result<(), Error> {
    let missing: Vec<&str> = [rabbitmq().map(|_| ()), postgres().map(|_| ())]
        .into_iter()
        .zip(PACKAGES)
        .filter_map(|(found, package)| found.is_err().then_some(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("{} not here; installing with apt-get", missing.join(" and "));
    install(&missing)?;
    rabbitmq()?;
    postgres()?;
    Ok(())
}

fn install(packages: &[&str]) -> Result<(), Error> {
    let asked = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let by_hand = |why: &str| Error::new(format!("{why}; run as root: apt-get update && {asked}"));
    let prefix: &[&str] = if is_root() {
        &[]
    } else if runs(&["sudo", "-n", "true"]) {
        &["sudo", "-n"]
    } else {
        return Err(by_hand(&format!(
            "{} cannot be installed without root's rights",
            packages.join(" and ")
        )));
    };
    let apt = |words: &[&str]| {
        let line = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"], words].concat();
        runs(&[&line[..], &["-o", "DPkg::Lock::Timeout=300"]].concat())
    };
    let wanted = [&["install", "-y", "--no-install-recommends"], packages].concat();
    // Fresh lists only when the ones at hand do not do: they may be of today, and the mirror slow.
    if apt(&wanted) || (apt(&["update"]) && apt(&wanted)) {
        return Ok(());
    }
    Err(by_hand("apt-get could not install the servers"))
}

fn runs(line: &[&str]) -> bool {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(crate) fn is_root() -> bool {
    // The owner of our own entry is who we are.
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The directory of `rabbitmq-server` and `rabbitmqctl` themselves. Not `/usr/sbin`: the scripts there change to the user
/// `rabbitmq` and drop the environment that makes a server private.
pub(crate) fn rabbitmq() -> Result<PathBuf, Error> {
    newest("/usr/lib/rabbitmq/lib", "rabbitmq_server-", "sbin/rabbitmq-server", RABBITMQ_AT_LEAST)
}

/// The directory of `postgres`, `initdb`, `psql` and the like.
pub(crate) fn postgres() -> Result<PathBuf, Error> {
    newest("/usr/lib/postgresql", "", "bin/initdb", POSTGRES_AT_LEAST)
}

/// Of all `<base>/<prefix><version>/<program>` the one of the highest version; the directory it is in.
fn newest(base: &str, prefix: &str, program: &str, at_least: (u32, u32)) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let version = version(entry.file_name().to_str()?.strip_prefix(prefix)?)?;
        let program = entry.path().join(program);
        program.is_file().then_some((version, program))
    });
    let (version, program) =
        found.max().ok_or_else(|| Error::new(format!("{base}/{prefix}*/{program} is not installed")))?;
    if version < at_least {
        let ((major, minor), (least, and)) = (version, at_least);
        return Err(Error::new(format!(
            "{} is {major}.{minor}; at least {least}.{and} is needed",
            program.display()
        )));
    }
    Ok(program.parent().unwrap_or(Path::new(base)).to_owned())
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_the_newest_is_taken_by_number_and_too_old_ones_are_refused() {
        let base = std::env::temp_dir().join(format!("seatshift-install-{}", std::process::id()));
        for version in ["9", "15", "not-a-version"] {
            std::fs::create_dir_all(base.join(version).join("bin")).unwrap();
            std::fs::write(base.join(version).join("bin/initdb"), "").unwrap();
        }
        let base = base.to_str().unwrap();
        assert!(newest(base, "", "bin/initdb", (15, 0)).unwrap().ends_with("15/bin"));
        let refused = newest(base, "", "bin/initdb", (16, 0)).unwrap_err().to_string();
        assert!(refused.ends_with("is 15.0; at least 16.0 is needed"), "{refused}");
        assert!(newest(base, "", "bin/other", (1, 0)).is_err());
    }
}
