//! The registry on a Nacos.
//!
//! What this process wants (its own instances, the services it calls) is kept here; a task, the [`keeper`], makes Nacos and
//! the table agree with it, over and over. Nothing of the program waits for Nacos: without it the table stays as it is,
//! and a start begins with what was [saved](saved).

mod address;
mod error;
mod keeper;
mod login;
mod saved;
mod session;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fanone_config::NacosUrl;
use tokio::{sync::Notify, time::timeout};
use tokio_util::task::AbortOnDropHandle;

pub use self::login::NacosLogin;
use self::{error::NacosError, session::Session, told::Told};
use crate::{Instance, Options, RegistryError, table::Table};

/// After Nacos was away, how long instances are kept that it does not name: it learns of them one by one.
const GRACE: Duration = Duration::from_secs(30);
/// How long a registration may take to be seen in the lists.
const REGISTRATION: Duration = Duration::from_secs(15);
/// The longest wait for Nacos before the end of the program.
const FAREWELL: Duration = Duration::from_secs(3);
/// The time in which others see that an instance has left; Nacos needs 0.6 s to tell them, and more when it has much to do.
const NOTICE: Duration = Duration::from_secs(1);
/// How much later than this process another one may hear of it.
const SPREAD: Duration = Duration::from_millis(400);

/// The registry on a Nacos. Clones share one; its task ends with the last.
#[derive(Clone, Debug)]
pub(crate) struct Nacos {
    shared: Arc<Shared>,
    _keeper: Arc<AbortOnDropHandle<()>>,
}

/// What calls, pushes from Nacos and the keeper share.
#[derive(Debug)]
struct Shared {
    table: Arc<Table>,
    options: Options,
    wants: Mutex<Wants>,
    contact: Mutex<Contact>,
    told: Told,
    /// Wakes the keeper.
    changed: Notify,
    /// Wakes whoever writes the table down.
    to_save: Notify,
}

/// What Nacos should know and tell.
#[derive(Debug, Default)]
struct Wants {
    own: BTreeMap<(String, SocketAddr), Own>,
    watched: BTreeSet<String>,
    session: Option<Arc<Session>>,
    /// This process ends: nothing is registered any more, and the table stays.
    leaves: bool,
}

/// An instance of this process.
#[derive(Clone, Debug)]
struct Own {
    instance: Instance,
    /// When Nacos took it last.
    registered: Option<Instant>,
    /// When it did so first.
    since: Option<Instant>,
}

impl Own {
    const fn new(instance: Instance) -> Self {
        Self { instance, registered: None, since: None }
    }

    /// Whether others know of it, or never will.
    fn is_placed(&self, told: &Told) -> bool {
        let is_told = || told.of(&self.instance.service, self.instance.address);
        self.since.is_some_and(|since| since.elapsed() > told::LATE || is_told())
    }
}

/// How this process stands with Nacos.
#[derive(Clone, Copy, Debug)]
enum Contact {
    /// It has not been tried yet, or never been lost.
    Steady,
    /// It does not answer.
    Lost,
    /// It was lost and answers again since then.
    Back(Instant),
}

impl Nacos {
    /// Begins to follow a Nacos; the table has what was known last.
    pub(crate) fn open(url: NacosUrl, options: Options, table: Arc<Table>) -> Result<Self, RegistryError> {
        let login = NacosLogin::of(&url).ok_or(RegistryError::Client)?;
        saved::load(&options.folder, &table);
        let shared = Arc::new(Shared {
            table,
            options,
            wants: Mutex::default(),
            contact: Mutex::new(Contact::Steady),
            told: Told::default(),
            changed: Notify::new(),
            to_save: Notify::new(),
        });
        let keeper = keeper::Keeper::new(url, login, Arc::clone(&shared));
        let saving = saved::keep(Arc::clone(&shared));
        let task = async move {
            tokio::join!(keeper.run(), saving);
        };
        Ok(Self { shared, _keeper: Arc::new(AbortOnDropHandle::new(tokio::spawn(task))) })
    }

    pub(crate) fn register(&self, mut instance: Instance) {
        instance.address = address::reachable(instance.address, self.shared.options.advertise);
        // Until Nacos answers for the first time, this process at least knows itself.
        if self.shared.table.version(&instance.service) == 0 {
            let weight = instance.weight.saturating_mul(session::WEIGHT_SCALE);
            self.shared.table.put(&Instance { weight, ..instance.clone() });
        }
        let key = (instance.service.clone(), instance.address);
        self.shared.wants().own.insert(key, Own::new(instance));
        self.shared.changed.notify_one();
    }

    /// Takes back one instance, or all; whether Nacos knows.
    pub(crate) async fn deregister(&self, which: Option<&Instance>) -> bool {
        let (session, leaving) = self.shared.give_up(which);
        let Some(session) = session else { return false };
        let farewells = async {
            let mut known = false;
            for instance in leaving {
                match session.deregister(&instance).await {
                    Ok(()) => known = true,
                    Err(error) => {
                        tracing::warn!(service = instance.service, %error, "registry.not_deregistered")
                    }
                }
            }
            known
        };
        timeout(FAREWELL, farewells).await.unwrap_or(false)
    }

    /// Takes back all, and waits until others have seen it.
    pub(crate) async fn leave(&self) {
        let own: BTreeSet<_> = self.shared.wants().own.keys().cloned().collect();
        if self.deregister(None).await {
            let noticed = async {
                self.shared.told.until_without(&own).await;
                tokio::time::sleep(SPREAD).await;
            };
            tokio::join!(noticed, tokio::time::sleep(NOTICE));
            tracing::info!("registry.left");
        }
    }

    pub(crate) fn watch(&self, service: &str) {
        self.shared.wants().watched.insert(service.to_owned());
        self.shared.changed.notify_one();
    }

    pub(crate) fn unknown_services(&self) -> Vec<String> {
        let watched = self.shared.wants().watched.clone();
        watched.into_iter().filter(|service| !self.shared.table.has_known(service)).collect()
    }

    /// Of its own services, those that others do not know of yet though Nacos has answered until now.
    pub(crate) fn unregistered_services(&self) -> Vec<String> {
        // Nobody waits for a Nacos that is away; and when it is back it has forgotten them for a moment only.
        if !matches!(*self.shared.contact(), Contact::Steady) {
            return Vec::new();
        }
        let wants = self.shared.wants();
        let waiting = wants.own.values().filter(|own| !own.is_placed(&self.shared.told));
        waiting.map(|own| own.instance.service.clone()).collect()
    }
}

impl Shared {
    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of one own instance or of all, which ends the process's part in the registry.
    fn give_up(&self, which: Option<&Instance>) -> (Option<Arc<Session>>, Vec<Instance>) {
        let mut wants = self.wants();
        let own = std::mem::take(&mut wants.own);
        wants.leaves = which.is_none();
        let (leaving, staying): (BTreeMap<_, _>, BTreeMap<_, _>) = own.into_iter().partition(|(_, own)| {
            let advertise = self.options.advertise;
            which.is_none_or(|which| {
                let address = address::reachable(which.address, advertise);
                own.instance.service == which.service && own.instance.address == address
            })
        });
        wants.own = staying;
        let leaving = leaving.into_values().filter(|own| own.registered.is_some()).map(|own| own.instance);
        (wants.session.clone(), leaving.collect())
    }

    /// Takes what Nacos tells all who follow a service.
    fn hear(&self, service: &str, found: &[crate::table::Place]) {
        self.told.note(service, found);
        let is_followed = self.wants().watched.contains(service);
        if is_followed {
            self.learn(service, None, found);
        }
    }

    /// Takes what Nacos says of a service into the table.
    fn learn(&self, service: &str, version: Option<u64>, found: &[crate::table::Place]) {
        let own = {
            let wants = self.wants();
            if wants.leaves {
                return;
            }
            // What has just been registered may not be in the lists yet.
            let is_new = |own: &Own| own.registered.is_none_or(|at| at.elapsed() < Duration::from_secs(3));
            let of_service = wants.own.values().filter(|own| own.instance.service == service);
            of_service.filter(|own| is_new(own)).map(|own| own.instance.address).collect::<BTreeSet<_>>()
        };
        let holds = match *self.contact() {
            Contact::Steady => false,
            Contact::Lost => true,
            Contact::Back(since) => since.elapsed() < GRACE,
        };
        if self.table.replace(service, version, found, |address| holds || own.contains(&address)) {
            tracing::info!(service, instances = found.len(), "registry.changed");
            self.to_save.notify_one();
        }
    }

    /// Nacos answers.
    fn found(&self) {
        let mut contact = self.contact();
        if matches!(*contact, Contact::Lost) {
            *contact = Contact::Back(Instant::now());
            tracing::info!("registry.back");
        }
    }

    /// Nacos does not answer.
    fn lost(&self, error: &NacosError) {
        let mut contact = self.contact();
        if !matches!(*contact, Contact::Lost) {
            *contact = Contact::Lost;
            let error = error.chain();
            tracing::warn!(error, "registry.lost: the instances stay as they were last known");
        }
    }

    /// Where files go.
    fn folder(&self) -> PathBuf {
        self.options.folder.clone()
    }
}
