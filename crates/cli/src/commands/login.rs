//! `login`: the consent of a person, which calls about users and licenses need.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use url::Url;

use crate::connection::{Kept, Login, alone};
use crate::context::Context;
use crate::ending::Ending;
use crate::signals::asked_to_stop;

/// How long a browser may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Give the consent that reading users and changing licenses needs (App+User); once, and when it has expired
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift login                    opens nothing by itself: it prints an address for your browser
  seatshift login --device-code      for a machine without a browser

Log in as a user of the partner's tenant with the role Admin agent and with a second factor. The refresh token is kept \
in a file that only you can read (or by control, where control.url is set); it changes with every use.")]
pub(crate) struct Args {
    /// Type a code into another device's browser instead
    #[arg(long)]
    device_code: bool,
    /// Port of this machine that the browser comes back to; http://localhost:PORT must be a redirect address of the app
    #[arg(long, default_value_t = 8400, value_name = "PORT", conflicts_with = "device_code")]
    port: u16,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let _lock = alone(&settings, "login")?;
    let login = Login::open(&settings).await?;
    let token = tokio::select! {
        biased;
        asked = asked_to_stop() => {
            asked?;
            bail!("stopped; nothing was changed");
        }
        token = consent(&args, &login) => token?,
    };
    login.kept.keep(token).await?;
    let (key, place, words) = match &login.kept {
        Kept::InFile(file) => ("refresh_token_file", file.display().to_string(), "in"),
        Kept::ByControl(control) => ("control", control.address().to_owned(), "by control at"),
    };
    login.close().await?;
    context.output.show(&json!({ "logged_in": true, key: place }), || {
        format!("Logged in; the refresh token is kept {words} {place}. Next: seatshift doctor\n")
    })?;
    Ok(Ending::Fine)
}

async fn consent(args: &Args, login: &Login) -> anyhow::Result<SecretString> {
    if args.device_code {
        let device = login.consent.begin().await.context("the login cannot begin")?;
        crate::output::tell!("Open {} and type in the code {}.", device.address, device.code);
        return login.consent.finish(&device).await.context("the login did not succeed");
    }
    redirect(args.port, login).await
}

/// What the browser comes back with.
#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

async fn redirect(port: u16, login: &Login) -> anyhow::Result<SecretString> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("{address}: the browser cannot come back here; choose another --port"))?;
    let redirect = Url::parse(&format!("http://localhost:{}/", listener.local_addr()?.port()))?;
    let state = login.ids.request().to_string();
    let address = login.consent.authorize_url(&redirect, &state).ok_or_else(|| {
        anyhow!("partner_center.authority is no address that a browser can be sent to; correct it")
    })?;
    crate::output::tell!("Open this address in your browser and log in:\n\n  {address}\n");
    let (came, mut back) = mpsc::channel(4);
    let router = Router::new().route("/", get(arrived)).with_state(came);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let came = tokio::time::timeout(PATIENCE, code(&mut back, &state)).await;
    // Its page is on its way to the browser; a moment, then the door is closed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    serving.abort();
    let code = came.map_err(|_| anyhow!("nobody logged in within {} minutes", PATIENCE.as_secs() / 60))??;
    login.consent.redeem(&code, &redirect).await.context("the login did not succeed")
}

async fn arrived(State(came): State<mpsc::Sender<Back>>, Query(back): Query<Back>) -> Html<&'static str> {
    let good = back.code.is_some();
    came.send(back).await.ok();
    Html(if good {
        "<!doctype html><title>Seatshift</title><p>Logged in. You can close this page."
    } else {
        "<!doctype html><title>Seatshift</title><p>The login did not succeed; the terminal says why."
    })
}

/// The code of the answer that belongs to our question; others are not ours.
async fn code(back: &mut mpsc::Receiver<Back>, state: &str) -> anyhow::Result<SecretString> {
    while let Some(Back { code, state: theirs, error, error_description }) = back.recv().await {
        if theirs.as_deref() != Some(state) {
            crate::output::tell!("something came back that belongs to another login; still waiting");
            continue;
        }
        match (code, error) {
            (Some(code), _) => return Ok(code.into()),
            (None, error) => bail!(
                "the login was refused: {} {}",
                error.unwrap_or_else(|| "no reason given".to_owned()),
                error_description.unwrap_or_default()
            ),
        }
    }
    bail!("nothing came back from the browser")
}
