//! What the services say of themselves at `/metrics`, added up.

use std::collections::BTreeMap;

use seatshift_messages::Service;

use super::Cluster;

/// Figures by name, over all labels and all services.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// 0 where nobody has it.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// Of what only grows: by how much it has.
    #[must_use]
    pub fn since(&self, before: &Figures) -> Figures {
        Figures(self.0.iter().map(|(name, figure)| (name.clone(), figure - before.get(name))).collect())
    }

    fn take(&mut self, page: &str) {
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        for (name, figure) in lines.filter_map(|line| line.rsplit_once(' ')) {
            let name = name.split('{').next().unwrap_or(name);
            *self.0.entry(name.to_owned()).or_default() += figure.parse().unwrap_or(0.0);
        }
    }
}

impl Cluster {
    /// What all services say now.
    pub fn figures(&mut self) -> Figures {
        let keys: Vec<(Service, usize)> = self.services.keys().copied().collect();
        let mut figures = Figures::default();
        for (service, replica) in keys {
            figures.take(&self.page(service, replica, "/metrics"));
        }
        figures
    }
}
