//! The typed client of Microsoft's Partner Center REST API: the only room of Seatshift that speaks HTTP to Microsoft.
//!
//! It exists so that the rest can be written in terms of subscriptions and licenses, and so that three promises are
//! kept in one place:
//!
//! - **No change without permission.** A changing call takes a [`Permit`], which only the [`Gate`] gives, so *pause*
//!   holds for everything. A [`Reader`] has no changing calls at all and cannot become a [`Client`].
//! - **An unanswered change is not a failed change.** It is [`Remedy::UnknownOutcome`], made once and never repeated
//!   here; whoever asked closes it by reading. Every other remedy says that nothing was changed.
//! - **What cannot be understood is said, not guessed.** Unknown words are kept, unreadable entries of a list are
//!   listed beside the readable ones, unknown error codes go to a person.
//!
//! It must never log or keep a body, a name, an address or a token; never shorten a timeout; never read the machine's
//! clock or randomness ([`Timer`], [`config::Ids`] and [`config::Jitter`] are handed in).
//!
//! | module | holds |
//! | --- | --- |
//! | [`reader`], [`client`] | the calls; `catalogue` and `buying` add those of new commerce |
//! | [`model`], [`ids`] | what the answers mean; `wire` reads Microsoft's JSON into it |
//! | [`error`], [`codes`], [`license_failure`] | what went wrong and what to do |
//! | `call`, `judge`, `retry` | one exchange; what its answer means; repeating reads in place |
//! | [`directory`] | who holds a SKU and through which group, from the customer's directory; a reader of its own |
//! | [`relay`] | one read for somebody who has no login, and both ends of it |
//! | [`gate`], [`buckets`] | quota and pause |
//! | `token`, [`token_store`], [`consent`] | both kinds of tokens, and the refresh token's keeping |
//! | [`transport`], [`http_transport`] | the network |
//! | [`pool`] | how many seats of a SKU are left without one subscription |

pub mod buckets;
pub mod client;
pub mod codes;
pub mod config;
pub mod consent;
pub mod directory;
pub mod error;
pub mod gate;
pub mod http_transport;
pub mod ids;
pub mod license_failure;
pub mod model;
pub mod observer;
pub mod pool;
pub mod reader;
pub mod relay;
pub mod timer;
pub mod token_store;
pub mod transport;

mod buying;
mod call;
mod catalogue;
mod judge;
mod operation;
mod retry;
mod token;
mod wire;

pub use buckets::TokenBuckets;
pub use client::Client;
pub use codes::{Explanation, explain};
pub use config::{Application, Cloud, Config, RetryLimits, Timeouts, TokenUse};
pub use consent::{Consent, DeviceCode};
pub use directory::Directory;
pub use error::{CallError, LoginProblem, Problem, Remedy};
pub use gate::{Answer, Ask, Family, Gate, Permit, Purpose};
pub use http_transport::HttpTransport;
pub use ids::{AvailabilityId, CartId, CatalogItem, Continuation, OfferId, OrderId, ProductId, SkuId};
pub use license_failure::LicenseFailure;
pub use model::*;
pub use observer::{CallRecord, Observer, Unobserved};
pub use pool::SeatsWithout;
pub use reader::Reader;
pub use relay::{NotRelayed, Relay, RelayedAnswer, RelayedRead};
pub use timer::Timer;
pub use token_store::{FileTokens, MemoryTokens, RefreshTokens, RefreshTurn, TokenStoreError};
pub use transport::{NetworkFault, Transport, TransportError};
