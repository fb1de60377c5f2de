//! What replicas use of a throttling Microsoft's budget together, and how often they are turned down.

use std::time::Duration;

use seatshift_servers::Shared;
use seatshift_tests::quota::share;
use serde_json::{Value, json};

use super::rounded;

/// Long enough that what lies in a bucket at the end is a hundredth of it.
const TIME: Duration = Duration::from_secs(30);

/// With one replica and with six, one after the other.
pub(crate) fn measured() -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Shared::start(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let runs = [1, 6].map(|replicas| {
        let share = runtime.block_on(share(&servers, replicas, TIME));
        json!({
            "replicas": replicas,
            "of_the_budget": rounded(share.used),
            "turned_down": rounded(share.turned_down),
            "calls": share.calls,
        })
    });
    json!(runs)
}
