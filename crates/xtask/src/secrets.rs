//! The passwords of the distributed mode: made once, each in a file of its own that holds it and nothing else.
//!
//! `cargo xtask secrets` writes them for docker-compose, `stack` for itself. What is there already is kept: a running system goes
//! on working. Nothing here is ever committed; the folder is ignored by git.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seatshift_servers::random_hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::run::{from_root, root};

/// The services, as their schemas, roles, users and binaries are named.
pub(crate) const SERVICES: [&str; 4] = ["control", "purchase", "reassignment", "suspension"];

/// What RabbitMQ loads: the committed topology and rights, with the hashes of the passwords made here.
const DEFINITIONS: &str = "rabbitmq-definitions.json";

/// A folder of passwords.
#[derive(Debug)]
pub(crate) struct Secrets(PathBuf);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to write them; docker-compose.yml looks for them in the default.
    #[arg(long, default_value = "deploy/secrets")]
    dir: PathBuf,
}

/// `cargo xtask secrets`.
///
/// PostgreSQL and RabbitMQ take their passwords when their data are made, so new secrets do not fit old volumes: kept ones do.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let secrets = Secrets::made(&from_root(&arguments.dir)?)?;
    let database = secrets.made_one("postgres-password")?;
    let admin = json!({
        "name": "admin", "password_hash": hashed(&secrets.made_one("rabbitmq-admin-password")?)?,
        "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ["administrator"],
    });
    let all =
        json!({ "user": "admin", "vhost": "seatshift", "configure": ".*", "write": ".*", "read": ".*" });
    secrets.write_definitions(Some((admin, all)))?;
    secrets
        .write("database-admin-url", &format!("postgres://postgres:{database}@postgres:5432/seatshift\n"))?;
    println!("{} holds the secrets that docker-compose.yml names", secrets.0.display());
    Ok(())
}

impl Secrets {
    /// The passwords of the services and the token of control's API, in this folder.
    pub(crate) fn made(dir: &Path) -> Result<Secrets> {
        let private = fs::Permissions::from_mode(0o700);
        let made = fs::create_dir_all(dir).and_then(|()| fs::set_permissions(dir, private));
        made.with_context(|| format!("{} cannot be made private", dir.display()))?;
        let secrets = Secrets(dir.to_owned());
        secrets.made_one("control-token")?;
        for service in SERVICES {
            secrets.made_one(&format!("{service}-database-password"))?;
            secrets.made_one(&format!("{service}-broker-password"))?;
        }
        Ok(secrets)
    }

    /// The file of one secret.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The definitions for RabbitMQ; also a person's user, where one is wanted.
    pub(crate) fn write_definitions(&self, person: Option<(Value, Value)>) -> Result<String> {
        let file = root()?.join("deploy/rabbitmq/definitions.json");
        let unread = || file.display().to_string();
        let committed = fs::read_to_string(&file).with_context(unread)?;
        let mut definitions: Value = serde_json::from_str(&committed).with_context(unread)?;
        let users = definitions["users"].as_array_mut().with_context(unread)?;
        for user in users.iter_mut() {
            let service = user["name"].as_str().and_then(|name| name.strip_prefix("seatshift_"));
            let service = service.with_context(|| format!("{}: a user of no service", unread()))?;
            let password = self.made_one(&format!("{service}-broker-password"))?;
            user["password_hash"] = json!(hashed(&password)?);
        }
        if let Some((user, permission)) = person {
            users.push(user);
            definitions["permissions"].as_array_mut().with_context(unread)?.push(permission);
        }
        let text = format!("{definitions:#}\n");
        self.write(DEFINITIONS, &text)?;
        Ok(text)
    }

    /// One secret: what is there, or a new one.
    fn made_one(&self, name: &str) -> Result<String> {
        let file = self.file(name);
        if let Ok(there) = fs::read_to_string(&file) {
            return Ok(there.trim().to_owned());
        }
        let new = random_hex::<24>()?;
        self.write(name, &new)?;
        Ok(new)
    }

    /// The *folder* keeps others out. The files are readable, because a container that is not root gets them as they are.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let (file, new) = (self.file(name), self.file(&format!("{name}.new")));
        let failed = || format!("{} cannot be written", file.display());
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o644).open(&new);
        std::io::Write::write_all(&mut opened.with_context(failed)?, text.as_bytes()).with_context(failed)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).with_context(failed)?;
        fs::rename(&new, &file).with_context(failed)
    }
}

/// RabbitMQ's hash: four bytes of salt, and the SHA-256 of salt and password.
fn hashed(password: &str) -> Result<String> {
    let salt = u32::from_str_radix(&random_hex::<4>()?, 16)?.to_be_bytes();
    let digest = Sha256::new().chain_update(salt).chain_update(password).finalize();
    Ok(BASE64_STANDARD.encode([&salt[..], &digest[..]].concat()))
}
