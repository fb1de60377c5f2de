//! Free loopback ports, and random names and passwords.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// Free ports, kept bound until it is dropped so that nobody else draws them meanwhile.
#[derive(Debug)]
pub struct Ports {
    held: Vec<TcpListener>,
}

impl Ports {
    /// The numbers, in the order they were drawn.
    #[must_use]
    pub fn numbers(&self) -> Vec<u16> {
        self.held.iter().filter_map(|held| held.local_addr().ok()).map(|address| address.port()).collect()
    }
}

/// So many free ports of 127.0.0.1, all *below* the range from which the kernel takes the ports of outgoing connections.
///
/// Not port 0: its numbers come from that range. A server restarted on such a number can find it taken by some client's
/// connection, and a client that keeps trying a number of that range while nothing listens there ends up connected to itself.
///
/// # Errors
/// When so many cannot be found.
pub fn free_ports(many: usize) -> Result<Ports, Error> {
    let (lowest, end) = (10_000_u16, first_outgoing().max(11_000));
    let mut held = Vec::new();
    let mut tried = BTreeSet::new();
    while held.len() < many {
        let drawn = u16::from_be_bytes(random::<2>()?);
        let port = lowest + drawn % (end - lowest);
        if !tried.insert(port) {
            if tried.len() >= usize::from(end - lowest) {
                return Err(Error::new(format!("there are no {many} free ports from {lowest} to {end}")));
            }
            continue;
        }
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
        }
    }
    Ok(Ports { held })
}

/// Where the kernel's range for outgoing connections begins.
fn first_outgoing() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

/// Whether something could listen there now, on 127.0.0.1.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Random hexadecimal digits, twice as many as bytes asked for: names that nobody else has, and passwords.
///
/// # Errors
/// When the kernel gives none.
pub fn random_hex<const BYTES: usize>() -> Result<String, Error> {
    Ok(random::<BYTES>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Error> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|cause| Error::while_doing("reading /dev/urandom", cause))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_drawn_are_different_and_held_until_dropped() {
        let ports = free_ports(8).unwrap();
        let numbers = ports.numbers();
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 8);
        assert!(numbers.iter().all(|port| *port < first_outgoing() && !is_free(*port)), "{numbers:?}");
        drop(ports);
        assert!(numbers.iter().all(|port| is_free(*port)));
    }
}
