//! Addresses of servers, checked as far as they can be without reaching for anything.
//!
//! What must never happen here: a fault that repeats an address, for a password may be what is wrong with it; or a parameter
//! that is passed over, for it may be the one that was to make the connection safe.

use url::Url;

const POSTGRES: &[&str] = &["postgres", "postgresql"];

/// How far a connection to PostgreSQL is encrypted, and its server proved to be the right one.
pub(super) const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Parameters of a database's address that the client heeds.
const PARAMETERS: [&str; 16] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
];

/// An address without anybody's name in it: a client would send that instead of the token it has. The text is not repeated in
/// the fault: it may hold a password.
pub(super) fn nobodys(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "this is not an address".to_owned())?;
    if url.password().is_some() || !url.username().is_empty() {
        return Err("there is a user or a password inside the address".to_owned());
    }
    Ok(url)
}

/// Addresses with commas between. The text is not repeated in the fault: it may hold a password, which is the fault.
pub(super) fn servers(schemes: &[&str], text: &str) -> Result<Vec<Url>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let url = Url::parse(part).map_err(|_| "this is not an address".to_owned())?;
            if !schemes.contains(&url.scheme()) {
                return Err(format!("the address does not begin with {}://", schemes.join(":// or ")));
            }
            if url.password().is_some() {
                return Err("there is a password inside the address".to_owned());
            }
            Ok(url)
        })
        .collect()
}

/// The address of one database; none where none is written.
pub(super) fn database(text: &str) -> Result<Option<Url>, String> {
    let mut all = servers(POSTGRES, text)?;
    if all.len() > 1 {
        return Err(format!("these are {} addresses, and a service has one database", all.len()));
    }
    let Some(url) = all.pop() else { return Ok(None) };
    for (key, value) in url.query_pairs() {
        match &*key {
            "password" => return Err("there is a password inside the address".to_owned()),
            "sslmode" | "ssl-mode" if !SSL_MODES.contains(&&*value.to_ascii_lowercase()) => {
                return Err("the address has an sslmode that is not known".to_owned());
            }
            "options" => {}
            key if PARAMETERS.contains(&key) || key.starts_with("options[") => {}
            _ => return Err("the address has a parameter that nobody heeds".to_owned()),
        }
    }
    Ok(Some(url))
}
