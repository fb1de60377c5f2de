use secrecy::ExposeSecret as _;

use super::*;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seatshift.toml");
    std::fs::write(&path, text).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::read(Some(&path), environment.into_iter())
}

fn problem(text: &str) -> String {
    let error = read(text, &[]).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    error.to_string()
}

#[test]
fn what_init_writes_is_read_back_and_allows_no_changes() {
    let settings = read(&template(), &[]).unwrap();
    assert!(!settings.allow_changes);
    assert_eq!(settings.run.max_in_flight, 64);
    assert_eq!(settings.partner_center.tenant, None);
    assert_eq!(settings.state_dir, settings.file.unwrap().with_file_name("seatshift-state"));
}

#[test]
fn what_init_shows_as_a_default_is_the_default() {
    let uncommented: String = template()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let (shown, default) = (read(&uncommented, &[]).unwrap(), read("", &[]).unwrap());
    assert_eq!(format!("{:?}", shown.run), format!("{:?}", default.run));
    assert_eq!(shown.silence, default.silence);
    assert_eq!(shown.planning.min_days_left, default.planning.min_days_left);
    assert_eq!(shown.planning.reuse_reads_hours, default.planning.reuse_reads_hours);
    assert_eq!(shown.partner_center.app_only_resource, default.partner_center.app_only_resource);
    assert_eq!(shown.files.delimiter, default.files.delimiter);
}

#[test]
fn an_unknown_key_names_file_line_key_the_nearest_one_and_the_remedy() {
    let text = problem("allow_changes = false\n\n[partner_center]\ntennant = \"x\"\n");
    assert!(text.contains("seatshift.toml, line 4, key partner_center.tennant"), "{text}");
    assert!(text.contains("this key is not known; `partner_center.tenant` was probably meant"), "{text}");
}

#[test]
fn an_unknown_section_is_told_as_well() {
    let text = problem("[weather]\nrain = true\n");
    assert!(text.contains("line 1, key weather"), "{text}");
}

#[test]
fn a_value_of_the_wrong_kind_says_what_to_write() {
    let text = problem("[run]\nmax_in_flight = \"many\"\n");
    assert!(text.contains("line 2, key run.max_in_flight: this is a text; write a whole number"), "{text}");
    let text = problem("[partner_center]\ncloud = \"germany\"\n");
    assert!(text.contains("write one of: public, us_government, china"), "{text}");
}

#[test]
fn a_limit_for_silence_is_hours_from_one_to_a_year() {
    let silence = read("[silence]\npurchase_hours = 30\nsuspension_hours = 8760\n", &[]).unwrap().silence;
    assert_eq!(
        (silence.purchase_hours, silence.reassignment_hours, silence.suspension_hours),
        (30, 48, 8760)
    );
    for wrong in ["0", "8761", "-1"] {
        let text = problem(&format!("[silence]\nreassignment_hours = {wrong}\n"));
        assert!(text.contains("line 2, key silence.reassignment_hours: "), "{text}");
        assert!(text.contains("write whole hours from 1 to 8760"), "{text}");
    }
    let error = read("", &[("SEATSHIFT__SILENCE__PURCHASE_HOURS", "two")]).unwrap_err().to_string();
    assert!(error.contains("SEATSHIFT__SILENCE__PURCHASE_HOURS: `two` is not a number of hours"), "{error}");
}

#[test]
fn what_is_not_toml_names_the_line() {
    let text = problem("state_dir = \"x\"\nallow_changes = \n");
    assert!(text.contains("line 2: this is not TOML"), "{text}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = problem("[partner_center]\nclient_secret = \"hunter2\"\n");
    assert!(text.contains("client_secret_file"), "{text}");
    assert!(text.contains("SEATSHIFT__PARTNER_CENTER__CLIENT_SECRET"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn the_environment_overrides_the_file_and_is_checked_alike() {
    let settings = read(
        "[run]\nmax_in_flight = 3\n",
        &[
            ("SEATSHIFT__RUN__MAX_IN_FLIGHT", "7"),
            ("SEATSHIFT__ALLOW_CHANGES", "true"),
            ("SEATSHIFT__PARTNER_CENTER__CLIENT_SECRET", "s"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert_eq!(settings.run.max_in_flight, 7);
    assert!(settings.allow_changes);
    assert!(matches!(settings.partner_center.client_secret, Some(Secret::Given(_))));
    assert!(!format!("{settings:?}").contains("\"s\""));
    let error = read("", &[("SEATSHIFT__RUN__MAX_INFLIGHT", "7")]).unwrap_err().to_string();
    assert!(error.contains("environment variable SEATSHIFT__RUN__MAX_INFLIGHT"), "{error}");
    assert!(error.contains("run.max_in_flight"), "{error}");
}

#[test]
fn every_fault_is_told_at_once() {
    let error = read("a = 1\nb = 2\n[run]\nstop_percent = -1\n", &[]).unwrap_err();
    assert_eq!(error.problems.len(), 3, "{error}");
}

#[test]
fn servers_have_defaults_and_their_passwords_stand_elsewhere() {
    let settings = read(
        "[database]\nurl = \"postgres://seatshift_purchase@db.example.net/seatshift\"\npassword_file = \"db\"\n\
         [broker]\nurl = \"amqp://purchase@one.example.net/v, amqps://purchase@two.example.net/v\"\n",
        &[("SEATSHIFT__BROKER__PASSWORD", "hunter2"), ("SEATSHIFT__DATABASE__CONTROL_PASSWORD", "hunter2")],
    )
    .unwrap();
    assert_eq!(settings.database.url.as_ref().unwrap().username(), "seatshift_purchase");
    assert!(matches!(&settings.database.password, Some(Secret::File(file)) if file.ends_with("db")));
    assert_eq!(settings.broker.urls.len(), 2);
    assert!(settings.database.role_passwords.contains_key(&seatshift_messages::Service::Control));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let default = read("", &[]).unwrap();
    assert!(default.database.url.is_none() && default.broker.urls.is_empty());
    assert!(default.service.listen.ip().is_loopback() && default.control.listen.ip().is_loopback());
    assert_eq!((default.service.parallel, default.service.batch, default.broker.prefetch), (128, 64, 128));
    assert_eq!(default.service.drain.as_secs(), 20);
}

#[test]
fn a_user_or_password_inside_the_address_of_control_is_refused_and_not_repeated() {
    for address in
        ["http://ann:s3cret@127.0.0.1:9180", "http://s3cret@127.0.0.1:9180", "http://ann:s3cret@[x"]
    {
        let text = problem(&format!("[control]\nurl = \"{address}\"\n"));
        assert!(text.contains("line 2, key control.url") && text.contains("without a user"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn the_address_for_preparing_a_database_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin-url");
    std::fs::write(&file, "postgres://postgres:s3cret@db.example.net/seatshift\n").unwrap();
    let told = [("SEATSHIFT__DATABASE__ADMIN_URL_FILE", file.to_str().unwrap())];
    let admin_url = read("", &told).unwrap().database.admin_url.unwrap().read().unwrap();
    assert_eq!(admin_url.expose_secret(), "postgres://postgres:s3cret@db.example.net/seatshift");
}

#[test]
fn a_password_inside_an_address_is_refused_and_not_repeated() {
    let text = problem("[broker]\nurl = \"amqp://purchase:hunter2@one.example.net/v\"\n");
    assert!(text.contains("key broker.url: there is a password inside the address"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = problem("[database]\nurl = \"mysql://db.example.net/x\"\n");
    assert!(text.contains("does not begin with postgres:// or postgresql://"), "{text}");
}

#[test]
fn a_database_is_one_address_whose_parameters_are_known() {
    let url = |rest: &str| format!("[database]\nurl = \"postgres://p@db.example.net/seatshift{rest}\"\n");
    read(&url("?sslmode=verify-full&sslrootcert=ca.pem&application_name=x&options[lock_timeout]=1s"), &[])
        .unwrap();
    for (rest, fault) in [
        (", postgres://p@two.example.net/s", "these are 2 addresses, and a service has one database"),
        ("?sslmode=hunter2", "the address has an sslmode that is not known"),
        ("?sslmod=hunter2", "the address has a parameter that nobody heeds"),
        ("?password=hunter2", "there is a password inside the address"),
    ] {
        let text = problem(&url(rest));
        assert!(text.contains("line 2, key database.url: ") && text.contains(fault), "{text}");
        assert!(text.contains("write one address such as") && text.contains("verify-full"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_number_beyond_what_makes_sense_is_told_with_the_range() {
    for (section, key, wrong, range) in [
        ("broker", "prefetch", "70000", "from 1 to 65535"),
        ("database", "connections", "0", "from 1 to 1000"),
        ("database", "connections", "99999999999999999999", "from 1 to 1000"),
        ("service", "drain_seconds", "4000", "from 0 to 3600"),
        ("run", "stop_percent", "101", "from 0 to 100"),
        ("run", "max_in_flight", "0", "from 1 to 100000000"),
        ("quota", "orders_per_minute", "0", "from 1 to 1000000000"),
    ] {
        let text = problem(&format!("[{section}]\n{key} = {wrong}\n"));
        assert!(
            text.contains(&format!("line 2, key {section}.{key}: `{wrong}` is not a whole number {range}")),
            "{text}"
        );
        assert!(text.contains(&format!("write a whole number {range}")), "{text}");
    }
    let settings = read("[run]\nstop_percent = 100\nmax_in_flight = 1_000\n", &[]).unwrap();
    assert_eq!((settings.run.stop_percent, settings.run.max_in_flight), (100, 1000));
}
