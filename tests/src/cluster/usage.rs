//! What a run costs: processor time and memory of every process that belongs to the system, the simulator apart.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Cluster;
use super::process::{cpu_seconds, memory, rest};

/// Processor seconds and peak memory by part: `purchase-0`, `broker`, `database`, `simulator`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    pub cpu_seconds: BTreeMap<String, f64>,
    /// Peak of the proportional set size, in bytes.
    pub peak_pss: BTreeMap<String, u64>,
    /// Peak of the resident memory as the kernel has it, for single processes, in bytes.
    pub peak_rss: BTreeMap<String, u64>,
    /// The proportional set size at every look, in bytes.
    pub pss: BTreeMap<String, Vec<u64>>,
    /// Processor seconds at the beginning.
    before: BTreeMap<String, f64>,
}

impl Usage {
    /// Seconds of everything but the simulator.
    pub fn system_cpu(&self) -> f64 {
        self.cpu_seconds.iter().filter(|(part, _)| *part != SIMULATOR).map(|(_, seconds)| seconds).sum()
    }
}

const SIMULATOR: &str = "simulator";
/// Between two looks. What a process uses between the last look and its death is not seen; a look itself costs some
/// milliseconds of the machine.
const LOOK: Duration = Duration::from_millis(500);

/// Looks from time to time, until it is asked.
#[derive(Debug)]
pub struct Meter {
    seen: Arc<Mutex<Usage>>,
    parts: BTreeMap<String, u32>,
    ended: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

impl Meter {
    /// Begins to look at the processes that run now.
    pub fn start(cluster: &Cluster) -> Meter {
        let mut parts: BTreeMap<String, u32> =
            cluster.services().map(|process| (process.name.clone(), process.id())).collect();
        parts.insert(SIMULATOR.to_owned(), cluster.simulated.process.id());
        parts.extend(cluster.rabbit.pid().map(|pid| ("broker".to_owned(), pid)));
        parts.extend(cluster.postgres.pid().map(|pid| ("database".to_owned(), pid)));
        let mut first = Usage::default();
        look(&parts, &mut first);
        first.before = first.cpu_seconds.clone();
        let (seen, ended) = (Arc::new(Mutex::new(first)), Arc::new(AtomicBool::new(false)));
        let looking = std::thread::spawn({
            let (seen, ended, parts) = (seen.clone(), ended.clone(), parts.clone());
            move || {
                while !ended.load(Ordering::Relaxed) {
                    look(&parts, &mut seen.lock().unwrap_or_else(PoisonError::into_inner));
                    rest(LOOK);
                }
            }
        });
        Meter { seen, parts, ended, looking: Some(looking) }
    }

    /// What was used since the start.
    pub fn stop(mut self) -> Usage {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.join().expect("a look does not panic");
        }
        let mut usage = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        look(&self.parts, &mut usage);
        for (part, seconds) in &mut usage.cpu_seconds {
            *seconds -= usage.before.get(part).copied().unwrap_or(0.0);
        }
        usage
    }
}

fn look(parts: &BTreeMap<String, u32>, usage: &mut Usage) {
    let children = children();
    for (part, process) in parts {
        let family = family(*process, &children);
        let seconds: f64 = family.iter().map(|one| cpu_seconds(*one)).sum();
        // A child that has ended is counted by its parent, a moment later.
        let known = usage.cpu_seconds.entry(part.clone()).or_default();
        *known = known.max(seconds);
        let (pss, rss) =
            family.iter().map(|one| memory(*one)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let peak = usage.peak_pss.entry(part.clone()).or_default();
        *peak = (*peak).max(pss);
        let peak = usage.peak_rss.entry(part.clone()).or_default();
        *peak = (*peak).max(rss);
        usage.pss.entry(part.clone()).or_default().push(pss);
    }
}

/// Every process's children.
fn children() -> BTreeMap<u32, Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(process);
        }
    }
    children
}

/// Processor time of a process and of everything below it, in seconds.
pub fn family_cpu_seconds(process: u32) -> f64 {
    family(process, &children()).iter().map(|one| cpu_seconds(*one)).sum()
}

fn family(process: u32, children: &BTreeMap<u32, Vec<u32>>) -> Vec<u32> {
    let mut family = vec![process];
    let mut next = 0;
    while next < family.len() {
        family.extend(children.get(&family[next]).into_iter().flatten());
        next += 1;
    }
    family
}
