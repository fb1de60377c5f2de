//! `cargo xtask stack`, from up to down.

use std::process::Command;

use crate::files::{Dir, xtask};

use super::programs;

#[test]
fn a_stack_comes_up_takes_commands_loses_a_process_and_goes_down() {
    let dir = Dir::of("stack");
    let (place, programs) = (dir.0.join("stack"), programs());
    let (place, binaries) = (place.to_str().unwrap(), programs.to_str().unwrap());
    let up = ["stack", "up", "--dir", place, "--binaries", binaries, "--customers", "3", "--faults", "none"];
    let told = xtask(&[&up[..], &["--replicas", "purchase=2"]].concat());
    let down = Down(place);
    assert!(told.contains("purchase-2") && told.contains("plan"), "{told}");

    let status = xtask(&["stack", "status", "--dir", place]);
    assert_eq!(status.lines().filter(|line| line.ends_with("ready")).count(), 8, "{status}");

    // The person's commands reach control through the file that was written for them.
    let mut seatshift = Command::new(programs.join("seatshift"));
    let asked =
        seatshift.current_dir(&dir.0).args(["--config", &format!("{place}/seatshift.toml"), "status"]);
    let answer = asked.output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));

    let killed = xtask(&["stack", "kill", "purchase-2", "--seconds", "1", "--every", "1", "--dir", place]);
    assert!(killed.contains("killed purchase-2") && killed.contains("ready again"), "{killed}");

    // Fewer replicas than before: the one too many is stopped.
    xtask(&up);
    let status = xtask(&["stack", "status", "--dir", place]);
    assert!(status.contains("purchase-1") && !status.contains("purchase-2"), "{status}");

    let log = std::fs::read_to_string(format!("{place}/processes/purchase-2.out")).unwrap();
    assert!(log.lines().last().unwrap().contains(r#""clean":true"#), "it was not let finish: {log}");

    drop(down);
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let left = processes.filter(|entry| {
        std::fs::read(entry.path().join("environ"))
            .is_ok_and(|environment| String::from_utf8_lossy(&environment).contains(place))
    });
    assert_eq!(left.count(), 0, "something was left running");
}

/// Down, also when the test has failed.
struct Down<'a>(&'a str);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        let _ = Command::new(env!("CARGO_BIN_EXE_seatshift-xtask"))
            .args(["stack", "down", "--dir", self.0])
            .status();
    }
}
