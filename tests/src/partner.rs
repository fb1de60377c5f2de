//! A simulated partner with everything an engine needs to work for it.

use std::sync::Arc;

use seatshift_bus::{Bus, LocalBus};
use seatshift_cli::embedded::{EmbeddedParts, EmbeddedSettings};
use seatshift_control::Config as ControlConfig;
use seatshift_control::planning::{
    Desk, MemoryCache, Plan, PlanOptions, Quiet, approve_ready, discover, read_plan, read_users,
};
use seatshift_control::tables::Style;
use seatshift_control::{ReviewedPlan, StopRule, planned};
use seatshift_edge::{CallLog, ClockTimer};
use seatshift_host::{Clock, Ids, VirtualClock};
use seatshift_partner_center::{
    Application, Client, Config, MemoryTokens, Observer, Purpose, TokenBuckets, Unobserved,
};
use seatshift_simulator::world::World;
use seatshift_simulator::{Simulator, TokioClock};
use seatshift_store::{MemoryStore, Store};

use crate::crash::Fuse;
use crate::intent::intent_of;
use crate::transport::InProcess;
use crate::varied::shaky_bus;

/// The partner's side of the world, with a store that outlives crashes.
#[derive(Debug)]
pub struct Partner {
    pub world: World,
    pub simulator: Simulator,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub fuse: Arc<Fuse<InProcess>>,
    pub tokens: MemoryTokens,
    pub options: PlanOptions,
    pub settings: EmbeddedSettings,
    /// Events come twice and in another order, drawn from this.
    pub shaky_bus: Option<u64>,
}

/// A partner on the runtime's own, paused clock.
pub type VirtualPartner = Partner;

impl Partner {
    /// Must be called inside a runtime whose time is paused.
    pub fn of(world: World, seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting(world.start));
        let simulator = Simulator::new(world.clone(), Arc::new(TokioClock::new(world.start)))
            .expect("the world of a trial is a good one");
        let options =
            PlanOptions { indirect_provider: world.partner.indirect_provider, ..PlanOptions::default() };
        // In a trial nothing is ever stopped for the number of refusals: each row is to come to its end.
        let never = StopRule { enabled: false, ..StopRule::default() };
        let control = ControlConfig { look_for_commands: None, stop: never, ..ControlConfig::default() };
        let settings = EmbeddedSettings { planning: options.clone(), control, ..EmbeddedSettings::default() };
        Partner {
            fuse: Arc::new(Fuse::new(InProcess::new(&simulator))),
            tokens: MemoryTokens::new(world.partner.refresh_token.clone().into()),
            store: Arc::new(MemoryStore::new()),
            ids: Arc::new(Ids::seeded(seed)),
            world,
            simulator,
            clock,
            options,
            settings,
            shaky_bus: None,
        }
    }

    /// The bus of one life of the engine.
    pub fn bus(&self) -> Arc<dyn Bus> {
        match self.shaky_bus {
            Some(seed) => shaky_bus(seed),
            None => Arc::new(LocalBus::new(128)),
        }
    }

    /// A client and its gate, as one life of the engine has them.
    pub fn connect(&self, observer: Arc<dyn Observer>) -> (Client, TokenBuckets) {
        let (requests, jitter) = (self.ids.clone(), self.ids.clone());
        let app = Application {
            id: self.world.partner.client_id.to_string(),
            secret: self.world.partner.client_secret.clone().into(),
        };
        let mut config = Config::new(
            self.world.partner.tenant_id.to_string(),
            app,
            Arc::new(move || requests.request()),
            Arc::new(move || jitter.fraction()),
        );
        let here: url::Url = "http://partner.invalid".parse().expect("a constant address");
        config.api = here.clone();
        config.authority = here;
        if !self.world.readings.graph_audience_accepted {
            // What a partner sets when the login is refused because of the historic audience.
            config.app_only_resource = "https://api.partnercenter.microsoft.com".to_owned();
        }
        let timer = Arc::new(ClockTimer(self.clock.clone()));
        let gate = TokenBuckets::new(timer.clone());
        let client = Client::new(
            config,
            self.fuse.clone(),
            Arc::new(self.tokens.clone()),
            Arc::new(gate.clone()),
            timer,
            observer,
        );
        (client, gate)
    }

    /// The parts of one life of the engine, and the task that writes its call log.
    pub fn parts(&self) -> (EmbeddedParts, impl Future<Output = ()> + Send + use<>) {
        let (log, writing) = CallLog::new(self.store.clone());
        let (client, gate) = self.connect(Arc::new(log));
        let parts = EmbeddedParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            client,
            gate,
            settings: self.settings.clone(),
        };
        (parts, writing)
    }

    /// Plans, approves what is ready, and writes and reads the files as people would.
    pub async fn plan(&self) -> (Plan, ReviewedPlan) {
        let (client, _) = self.connect(Arc::new(Unobserved));
        let timer = ClockTimer(self.clock.clone());
        let desk = Desk {
            reader: &client.reader().for_purpose(Purpose::Plan),
            cache: &MemoryCache::default(),
            timer: &timer,
            progress: &Quiet,
            options: &self.options,
        };
        let mut plan = discover(&desk).await.expect("the list of customers can be read");
        approve_ready(&mut plan.rows, "trial");
        let reviewed = self.through_files(&plan);
        (plan, reviewed)
    }

    /// Out to plan.csv and back, with nothing lost on the way.
    pub fn through_files(&self, plan: &Plan) -> ReviewedPlan {
        let folder = tempfile::tempdir().expect("a folder for the plan");
        let (rows, users) = (folder.path().join("plan.csv"), folder.path().join("plan-users.csv"));
        plan.write(&rows, Style::default()).expect("plan.csv");
        plan.write_users(&users, Style::default()).expect("plan-users.csv");
        let read = read_plan(&rows, &Default::default()).expect("plan.csv");
        let read_users = read_users(&users).expect("plan-users.csv");
        assert_eq!(read.problems, [], "the plan as written is a good one");
        assert_eq!(read_users.problems, [], "the users as written are good ones");
        planned::reviewed(&read, &read_users)
    }

    /// Tells the audit what is intended.
    pub fn state_intent(&self, plan: &Plan) {
        self.simulator.set_intent(intent_of(&self.world, &plan.rows, &plan.users));
    }
}
