//! The refresh token of a person's consent, where all replicas find it: in the database, sealed.
//!
//! Sealed with AES-256-GCM under a key derived from the application's client secret (HKDF-SHA256): whoever reads the
//! database alone, or a dump of it, cannot call Microsoft with it. Each redeeming gives a new token, and two who redeem the
//! same one at once may lose it; so it is done under an advisory lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use futures::FutureExt;
use futures::future::BoxFuture;
use seatshift_partner_center::{Application, RefreshTokens, RefreshTurn, TokenStoreError};
use seatshift_store::quota::{PgQuota, SealedToken};
use seatshift_store::{Held, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

/// How the sealed bytes are laid out.
const LAYOUT: u8 = 1;
const SALT: usize = 16;
/// Whoever has the lock is done in a second or so; then it is somebody else's turn.
const LOOK: Duration = Duration::from_millis(200);
/// So long the turn is waited for. Whoever redeems tries for a few times a minute at most.
const MOST: Duration = Duration::from_secs(60);

/// Where sealed tokens are kept, as needed here. The seam for tests.
#[async_trait]
pub trait Vault: Send + Sync + std::fmt::Debug {
    async fn load(&self, name: &str) -> Result<Option<SealedToken>, StoreError>;
    /// Replaces the token if `expected` is its version; none = it is not.
    async fn replace(&self, name: &str, expected: u64, bytes: &[u8]) -> Result<Option<u64>, StoreError>;
    /// The lock of that name; none = somebody has it.
    async fn lock(&self, name: &str) -> Result<Option<RefreshTurn>, StoreError>;
}

#[async_trait]
impl Vault for PgQuota {
    async fn load(&self, name: &str) -> Result<Option<SealedToken>, StoreError> {
        self.load_refresh_token(name).await
    }

    async fn replace(&self, name: &str, expected: u64, bytes: &[u8]) -> Result<Option<u64>, StoreError> {
        self.store_refresh_token(name, expected, bytes).await
    }

    async fn lock(&self, name: &str) -> Result<Option<RefreshTurn>, StoreError> {
        Ok(PgQuota::lock(self, name).await?.map(|held| RefreshTurn::holding(held, Held::is_lost)))
    }
}

/// The shared refresh token of one partner and application.
#[derive(Debug, Clone)]
pub struct SharedTokens {
    vault: Arc<dyn Vault>,
    name: String,
    secret: SecretString,
    /// Version of the token that was read or kept last: the next is put in its place, and in no other's.
    seen: Arc<AtomicU64>,
}

impl SharedTokens {
    /// Of this partner, for the application that calls for a person.
    pub fn new(vault: Arc<dyn Vault>, partner: &str, app: &Application) -> Self {
        SharedTokens {
            vault,
            name: format!("{partner}/{}", app.id),
            secret: app.secret.clone(),
            seen: Arc::default(),
        }
    }

    /// Puts a token there that a person has just consented to, whatever stands.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn consented(&self, new: &SecretString) -> Result<(), TokenStoreError> {
        let sealed = self.seal(new)?;
        loop {
            let version = self.sealed().await?.map_or(0, |sealed| sealed.version);
            let replaced = self.vault.replace(&self.name, version, &sealed).await;
            if replaced.map_err(|error| away(&error))?.is_some() {
                return Ok(());
            }
        }
    }

    async fn sealed(&self) -> Result<Option<SealedToken>, TokenStoreError> {
        self.vault.load(&self.name).await.map_err(|error| away(&error))
    }

    async fn find(&self) -> Result<Option<SecretString>, TokenStoreError> {
        let sealed = self.sealed().await?;
        self.seen.store(sealed.as_ref().map_or(0, |sealed| sealed.version), Ordering::Relaxed);
        sealed.map(|sealed| self.open(&sealed.bytes)).transpose()
    }

    /// The one that follows from what stood. Where a person has consented anew meanwhile, theirs stays: it is good, and
    /// theirs to decide.
    async fn keep(&self, new: &SecretString) -> Result<(), TokenStoreError> {
        let sealed = self.seal(new)?;
        let seen = self.seen.load(Ordering::Relaxed);
        let replaced = self.vault.replace(&self.name, seen, &sealed).await;
        match replaced.map_err(|error| away(&error))? {
            Some(version) => self.seen.store(version, Ordering::Relaxed),
            None => tracing::info!("a person has consented anew meanwhile: their refresh token stays"),
        }
        Ok(())
    }

    async fn wait_for_turn(&self) -> Result<RefreshTurn, TokenStoreError> {
        let lock = format!("refresh-token/{}", self.name);
        let waiting = async {
            loop {
                if let Some(turn) = self.vault.lock(&lock).await.map_err(|error| away(&error))? {
                    return Ok(turn);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(MOST, waiting).await {
            Ok(turn) => turn,
            Err(_) => {
                Err(TokenStoreError::outage("another process redeems the refresh token and does not end"))
            }
        }
    }

    fn key(&self, salt: &[u8]) -> Result<LessSafeKey, TokenStoreError> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt);
        let secret = salt.extract(self.secret.expose_secret().as_bytes());
        let info = [b"seatshift refresh token".as_slice()];
        let key = secret.expand(&info, &AES_256_GCM).map(UnboundKey::from);
        key.map(LessSafeKey::new).map_err(|_| cipher())
    }

    fn seal(&self, token: &SecretString) -> Result<Vec<u8>, TokenStoreError> {
        let mut head = [0; SALT + NONCE_LEN];
        rand::fill(&mut head).map_err(|_| cipher())?;
        let (salt, nonce) = head.split_at(SALT);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| cipher())?;
        let mut text = token.expose_secret().as_bytes().to_vec();
        let key = self.key(salt)?;
        key.seal_in_place_append_tag(nonce, Aad::from(self.name.as_bytes()), &mut text)
            .map_err(|_| cipher())?;
        Ok([&[LAYOUT], head.as_slice(), text.as_slice()].concat())
    }

    fn open(&self, sealed: &[u8]) -> Result<SecretString, TokenStoreError> {
        let parts = sealed.split_first().filter(|(layout, _)| **layout == LAYOUT);
        let parts = parts.and_then(|(_, rest)| rest.split_at_checked(SALT + NONCE_LEN));
        let Some((head, text)) = parts else { return Err(other_secret()) };
        let (salt, nonce) = head.split_at(SALT);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| cipher())?;
        let mut text = text.to_vec();
        let opened = self.key(salt)?.open_in_place(nonce, Aad::from(self.name.as_bytes()), &mut text);
        let opened = opened.map_err(|_| other_secret())?;
        String::from_utf8(opened.to_vec()).map(SecretString::from).map_err(|_| other_secret())
    }
}

fn away(error: &StoreError) -> TokenStoreError {
    TokenStoreError::outage(format!(
        "the refresh token is in the database, which cannot be asked now ({error})"
    ))
}

fn other_secret() -> TokenStoreError {
    TokenStoreError::new(
        "the refresh token in the database was sealed with another client secret; run `seatshift login` once more",
    )
}

fn cipher() -> TokenStoreError {
    TokenStoreError::new("the refresh token could not be sealed on this machine")
}

impl RefreshTokens for SharedTokens {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>> {
        self.find().boxed()
    }

    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        async move { self.keep(&new).await }.boxed()
    }

    fn turn(&self) -> BoxFuture<'_, Result<RefreshTurn, TokenStoreError>> {
        self.wait_for_turn().boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Shelf {
        tokens: Mutex<BTreeMap<String, SealedToken>>,
        turn: Arc<tokio::sync::Mutex<()>>,
    }

    #[async_trait]
    impl Vault for Shelf {
        async fn load(&self, name: &str) -> Result<Option<SealedToken>, StoreError> {
            Ok(self.tokens.lock().unwrap().get(name).cloned())
        }

        async fn replace(&self, name: &str, expected: u64, bytes: &[u8]) -> Result<Option<u64>, StoreError> {
            let mut tokens = self.tokens.lock().unwrap();
            if tokens.get(name).map_or(0, |token| token.version) != expected {
                return Ok(None);
            }
            let token = SealedToken { version: expected + 1, bytes: bytes.to_vec() };
            tokens.insert(name.to_owned(), token);
            Ok(Some(expected + 1))
        }

        async fn lock(&self, _: &str) -> Result<Option<RefreshTurn>, StoreError> {
            Ok(self.turn.clone().try_lock_owned().ok().map(|turn| RefreshTurn::holding(turn, |_| false)))
        }
    }

    fn tokens(shelf: &Arc<Shelf>, secret: &str) -> SharedTokens {
        let app = Application { id: "app".to_owned(), secret: secret.into() };
        SharedTokens::new(shelf.clone(), "partner", &app)
    }

    #[tokio::test]
    async fn what_one_replica_keeps_another_finds_and_the_database_does_not_show_it() {
        let shelf = Arc::new(Shelf::default());
        let (one, other) = (tokens(&shelf, "s"), tokens(&shelf, "s"));
        assert!(one.load().await.unwrap().is_none());
        one.store("first-refresh-token".into()).await.unwrap();
        one.store("second-refresh-token".into()).await.unwrap();
        assert_eq!(other.load().await.unwrap().unwrap().expose_secret(), "second-refresh-token");
        let stored = shelf.tokens.lock().unwrap().values().next().unwrap().bytes.clone();
        assert!(!stored.windows(7).any(|part| part == b"refresh"));
    }

    #[tokio::test]
    async fn another_client_secret_cannot_open_it_and_says_what_to_do() {
        let shelf = Arc::new(Shelf::default());
        tokens(&shelf, "old").store("token".into()).await.unwrap();
        let renewed = tokens(&shelf, "new");
        let error = renewed.load().await.unwrap_err();
        assert!(error.text.contains("seatshift login") && !error.passes, "{error}");
        renewed.consented(&"fresh".into()).await.unwrap();
        assert_eq!(renewed.load().await.unwrap().unwrap().expose_secret(), "fresh");
    }

    #[tokio::test]
    async fn a_new_consent_is_not_overwritten_by_what_followed_from_the_old_one() {
        let shelf = Arc::new(Shelf::default());
        let (service, login) = (tokens(&shelf, "s"), tokens(&shelf, "s"));
        login.consented(&"old".into()).await.unwrap();
        service.load().await.unwrap();
        login.consented(&"new".into()).await.unwrap();
        service.store("after-old".into()).await.unwrap();
        assert_eq!(service.load().await.unwrap().unwrap().expose_secret(), "new");
    }

    #[tokio::test(start_paused = true)]
    async fn two_do_not_redeem_at_the_same_time() {
        let shelf = Arc::new(Shelf::default());
        let (one, other) = (tokens(&shelf, "s"), tokens(&shelf, "s"));
        let turn = one.turn().await.unwrap();
        let waiting = tokio::spawn(async move { other.turn().await.map(drop) });
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!waiting.is_finished());
        drop(turn);
        waiting.await.unwrap().unwrap();
    }
}
