//! The consent, both ways, against the simulated authority.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::stage::{Stage, wait};

#[test]
fn a_device_code_ends_with_a_token_that_only_its_owner_can_read() {
    let stage = Stage::with_world(2, 3000);
    let ran = stage.run(&["login", "--device-code"]).ends(0);
    assert!(ran.err.contains("type in the code"), "{}", ran.err);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(stage.path("state/refresh-token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let token = stage.read("state/refresh-token");
    assert!(!token.is_empty() && !ran.out.contains(&token) && !ran.err.contains(&token));
}

#[test]
fn a_browser_that_comes_back_with_the_code_ends_the_login() {
    let stage = Stage::with_world(2, 3000);
    let mut login = stage.start(&["login", "--port", "0"]);
    let mut said = BufReader::new(login.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = said.find_map(|line| line.trim().strip_prefix("http://").map(str::to_owned)).unwrap();
    let value = |name: &str| {
        let query = address.split_once('?').unwrap().1;
        query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap().to_owned()
    };
    let port: u16 =
        value("redirect_uri").split("%3A").nth(2).unwrap().split("%2F").next().unwrap().parse().unwrap();
    let come_back = |state: &str| {
        let mut browser = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let request = format!(
            "GET /?code=simulated-code&state={state} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        browser.write_all(request.as_bytes()).unwrap();
        let mut page = String::new();
        browser.read_to_string(&mut page).unwrap();
        page
    };
    // A link that somebody else has sent does not count.
    come_back("forged");
    assert!(come_back(&value("state")).contains("Logged in"));
    said.for_each(drop);
    wait(login).ends(0);
}

#[test]
fn the_doctor_finds_everything_in_place_with_a_simulated_partner() {
    let stage = Stage::with_world(3, 3000);
    let ran = stage.run(&["doctor", "--output", "json"]).ends(0);
    let checks = ran.json();
    assert!(checks.as_array().unwrap().len() >= 8, "{checks}");
}
