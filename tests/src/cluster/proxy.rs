//! A way between two processes that can be cut, and that can swallow everything without a word.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Passes bytes on to a port of this machine.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    to: SocketAddr,
    /// Bytes vanish, connections stay.
    swallows: AtomicBool,
    /// Nobody is let in.
    refuses: AtomicBool,
    ended: AtomicBool,
    passed: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

/// How long a thread sleeps in a read before it looks whether the proxy has ended.
const LOOK: Duration = Duration::from_millis(100);

impl Proxy {
    /// Opens a way to `port`.
    pub fn to(port: u16) -> io::Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            to: SocketAddr::from(([127, 0, 0, 1], port)),
            swallows: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            passed: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                // A way that cannot be opened is a connection that is refused.
                serving.join(stream).ok();
            }
        });
        Ok(Proxy { address, shared })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection that stands. New ones are let in.
    pub fn cut(&self) {
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// From now on everything vanishes, in both directions, and nobody is told; or no longer.
    pub fn swallow(&self, on: bool) {
        self.shared.swallows.store(on, Ordering::Relaxed);
    }

    /// From now on connections are closed as soon as they are opened; or no longer.
    pub fn refuse(&self, on: bool) {
        self.shared.refuses.store(on, Ordering::Relaxed);
    }

    /// Bytes passed on so far.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener, which then sees that it has ended.
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    fn join(self: &Arc<Self>, from: TcpStream) -> io::Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return from.shutdown(Shutdown::Both);
        }
        let to = TcpStream::connect(self.to)?;
        for stream in [&from, &to] {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LOOK))?;
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push(stream.try_clone()?);
        }
        let (back_from, back_to) = (to.try_clone()?, from.try_clone()?);
        for (from, to) in [(from, to), (back_from, back_to)] {
            let shared = self.clone();
            std::thread::spawn(move || shared.pass(from, to));
        }
        Ok(())
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 64 * 1024];
        while !self.ended.load(Ordering::Relaxed) {
            match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(_) if self.swallows.load(Ordering::Relaxed) => {}
                Ok(read) => {
                    self.passed.fetch_add(read as u64, Ordering::Relaxed);
                    if to.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(_) => break,
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    }
}
