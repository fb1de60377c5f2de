//! The pair of servers that all tests of one run share: a vhost and a database of its own for each test.

use std::path::{Path, PathBuf};

use crate::free::random_hex;
use crate::{Error, Postgres, Rabbit};

/// The environment variable with the directory of the shared pair.
pub const SERVERS: &str = "SEATSHIFT_TEST_SERVERS";

/// A RabbitMQ and a PostgreSQL, in `<dir>/rabbitmq` and `<dir>/postgresql`.
#[derive(Debug)]
pub struct Shared {
    pub rabbit: Rabbit,
    pub postgres: Postgres,
}

impl Shared {
    /// The pair that `cargo xtask test` has started; it is not stopped when this value is dropped.
    ///
    /// # Errors
    /// When there is none: the text says how to get one.
    pub fn attach() -> Result<Shared, Error> {
        let dir = std::env::var_os(SERVERS).map(PathBuf::from).ok_or_else(|| {
            Error::new(format!(
                "this test needs RabbitMQ and PostgreSQL, and {SERVERS} is not set: run `cargo xtask test` \
                 (with `--without-servers` to leave such tests out), or `cargo xtask servers up` and export what it prints"
            ))
        })?;
        Shared::at(&dir)
    }

    /// The pair that another process started in this directory.
    ///
    /// # Errors
    /// When one of them does not run there.
    pub fn at(dir: &Path) -> Result<Shared, Error> {
        let [rabbit, postgres] = places(dir);
        Ok(Shared { rabbit: Rabbit::attach(&rabbit)?, postgres: Postgres::attach(&postgres)? })
    }

    /// Starts both, side by side.
    ///
    /// # Errors
    /// When one of them is not installed or does not start; the other is stopped then.
    pub fn start(dir: &Path) -> Result<Shared, Error> {
        Shared::start_with(dir, "")
    }

    /// The same with lines added to PostgreSQL's configuration.
    ///
    /// # Errors
    /// As [`Shared::start`].
    pub fn start_with(dir: &Path, postgres_configuration: &str) -> Result<Shared, Error> {
        let [rabbit, postgres] = places(dir);
        std::thread::scope(|scope| {
            let postgres = scope.spawn(move || Postgres::start_with(&postgres, postgres_configuration));
            let rabbit = Rabbit::start(&rabbit);
            let postgres =
                postgres.join().unwrap_or_else(|_| Err(Error::new("starting PostgreSQL panicked")));
            Ok(Shared { rabbit: rabbit?, postgres: postgres? })
        })
    }

    /// Both, running, and to stay so: what runs is taken as it is, what does not is started, with its data and on the
    /// ports that it had.
    ///
    /// # Errors
    /// When one of them is not installed or does not start; the other stays.
    pub fn bring_up(dir: &Path) -> Result<Shared, Error> {
        let [rabbit, postgres] = places(dir);
        std::thread::scope(|scope| {
            let postgres = scope.spawn(move || {
                Postgres::attach(&postgres).or_else(|_| {
                    let mut started = Postgres::start(&postgres)?;
                    started.leave();
                    Ok(started)
                })
            });
            let rabbit = Rabbit::attach(&rabbit).or_else(|_| {
                let mut started = Rabbit::start(&rabbit)?;
                started.leave();
                Ok(started)
            });
            let postgres =
                postgres.join().unwrap_or_else(|_| Err(Error::new("starting PostgreSQL panicked")));
            Ok(Shared { rabbit: rabbit?, postgres: postgres? })
        })
    }

    /// Each of the pair, as [`Shared::at`] would find it.
    pub fn each_at(dir: &Path) -> (Result<Rabbit, Error>, Result<Postgres, Error>) {
        let [rabbit, postgres] = places(dir);
        (Rabbit::attach(&rabbit), Postgres::attach(&postgres))
    }

    /// Whether a PostgreSQL was ever made in this directory: its data may hold what nobody else knows.
    #[must_use]
    pub fn has_data(dir: &Path) -> bool {
        let [_, postgres] = places(dir);
        postgres.join(crate::notes::FILE).exists()
    }

    /// Leaves both running after the end of this process; [`Shared::stop_at`] ends them.
    pub fn leave(mut self) {
        self.rabbit.leave();
        self.postgres.leave();
    }

    /// Stops whichever of the pair runs in this directory, cleanly.
    ///
    /// # Errors
    /// None today: what does not stop is killed.
    pub fn stop_at(dir: &Path) -> Result<(), Error> {
        let [rabbit, postgres] = places(dir);
        std::thread::scope(|scope| {
            scope.spawn(move || Postgres::attach(&postgres).and_then(|mut running| running.stop()));
            let stopped = Rabbit::attach(&rabbit).and_then(|mut running| running.stop());
            Rabbit::end_what_is_left(&rabbit);
            stopped
        })
        .or(Ok(()))
    }

    /// Stops whichever of the pair runs in this directory, and deletes their data.
    ///
    /// # Errors
    /// When the directory cannot be deleted.
    pub fn delete_at(dir: &Path) -> Result<(), Error> {
        Shared::stop_at(dir)?;
        let [rabbit, postgres] = places(dir);
        Postgres::remove_data_outside(&postgres);
        for place in [rabbit, postgres].iter().filter(|place| place.exists()) {
            std::fs::remove_dir_all(place).map_err(|cause| Error::while_doing(place.display(), cause))?;
        }
        Ok(())
    }

    /// A vhost of its own: its name.
    ///
    /// # Errors
    /// When RabbitMQ refuses.
    pub fn fresh_vhost(&self) -> Result<String, Error> {
        let name = format!("test-{}", random_hex::<6>()?);
        self.rabbit.add_vhost(&name)?;
        Ok(name)
    }

    /// An empty database of its own: its name.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub fn fresh_database(&self) -> Result<String, Error> {
        let name = format!("test_{}", random_hex::<6>()?);
        self.postgres.create_database(&name)?;
        Ok(name)
    }
}

fn places(dir: &Path) -> [PathBuf; 2] {
    [dir.join("rabbitmq"), dir.join("postgresql")]
}
