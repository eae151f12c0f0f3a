//! The task that makes Nacos and the table agree with what this process wants.
//!
//! The client registers again by itself after Nacos was away, but only when it has noticed, after pauses of up to 64 s. So
//! every [`INTERVAL`] this task asks for what it wants. If there is no answer, it tries Nacos over HTTP until that is back,
//! and goes on with the same client if that has connected meanwhile, else with a new one.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use fanone_config::NacosUrl;

use super::{REGISTRATION, Shared, error::NacosError, login::NacosLogin, session::Session};
use crate::Instance;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(3);
/// Between two while Nacos is away.
const INTERVAL_LOST: Duration = Duration::from_secs(2);
/// A service that need not be there.
const PROBE: &str = "probe";

pub(super) struct Keeper {
    url: NacosUrl,
    login: Arc<NacosLogin>,
    shared: Arc<Shared>,
    session: Option<Arc<Session>>,
    /// What the session is subscribed to.
    subscribed: BTreeSet<String>,
    /// The last look failed.
    is_suspect: bool,
    /// It did because Nacos did not do what it was asked, maybe for the token.
    is_refused: bool,
}

impl Keeper {
    pub(super) fn new(url: NacosUrl, login: Arc<NacosLogin>, shared: Arc<Shared>) -> Self {
        Self {
            url,
            login,
            shared,
            session: None,
            subscribed: BTreeSet::new(),
            is_suspect: false,
            is_refused: false,
        }
    }

    /// Looks for ever.
    pub(super) async fn run(mut self) {
        loop {
            let result = Box::pin(self.look()).await;
            self.is_suspect = result.is_err();
            self.is_refused = matches!(result, Err(NacosError::Client(_)));
            let pause = match result {
                Ok(()) => INTERVAL,
                Err(error) => {
                    self.shared.lost(&error);
                    INTERVAL_LOST
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // What is wanted changes at the start, in many steps.
                () = self.shared.changed.notified() => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn look(&mut self) -> Result<(), NacosError> {
        let session = self.session().await?;
        let (own, watched, leaves) = {
            let wants = self.shared.wants();
            let own: Vec<_> = wants.own.values().map(|own| (own.instance.clone(), own.registered)).collect();
            (own, wants.watched.clone(), wants.leaves)
        };
        if leaves {
            return Ok(());
        }
        // First what it calls: once others know this process, it has to know them.
        for service in watched {
            self.follow(&session, &service).await?;
        }
        for (instance, registered) in own {
            self.subscribe(&session, &instance.service).await?;
            self.keep_registered(&session, &instance, registered).await?;
        }
        Ok(())
    }

    /// A session that answered at the last look, or does so now.
    async fn session(&mut self) -> Result<Arc<Session>, NacosError> {
        if let Some(session) = &self.session
            && !self.is_suspect
        {
            return Ok(Arc::clone(session));
        }
        self.login.check(self.is_refused).await?;
        if let Some(session) = self.session.clone()
            && session.list(PROBE).await.is_ok()
        {
            self.recovered();
            return Ok(session);
        }
        let session = Session::connect(&self.url, Arc::clone(&self.login), Arc::clone(&self.shared)).await?;
        let session = Arc::new(session);
        self.replace(Arc::clone(&session));
        Ok(session)
    }

    /// Nacos may have lost everything.
    fn recovered(&mut self) {
        self.subscribed.clear();
        self.shared.wants().own.values_mut().for_each(|own| own.registered = None);
        self.shared.found();
    }

    fn replace(&mut self, session: Arc<Session>) {
        let old = self.session.replace(Arc::clone(&session));
        let own: Vec<Instance> = {
            let mut wants = self.shared.wants();
            wants.session = Some(session);
            wants.own.values().map(|own| own.instance.clone()).collect()
        };
        if let Some(old) = old {
            tracing::debug!("registry.new_client");
            tokio::spawn(old.retire(own, self.subscribed.iter().cloned().collect()));
        }
        self.recovered();
    }

    /// Registers an instance that is not in the list. One that an operator took offline is not in it either: to register it
    /// again leaves it offline.
    async fn keep_registered(
        &self,
        session: &Session,
        instance: &Instance,
        registered: Option<Instant>,
    ) -> Result<(), NacosError> {
        let is_fresh = registered.is_some_and(|at| at.elapsed() < REGISTRATION);
        if is_fresh || (registered.is_some() && self.is_listed(session, instance).await?) {
            return Ok(());
        }
        let key = (instance.service.clone(), instance.address);
        if !self.shared.wants().own.contains_key(&key) {
            return Ok(());
        }
        session.register(instance).await?;
        let mut wants = self.shared.wants();
        if let Some(own) = wants.own.get_mut(&key) {
            if own.registered.is_none() {
                tracing::info!(service = instance.service, address = %instance.address, "registry.registered");
            }
            own.registered = Some(Instant::now());
            own.since = own.since.or(own.registered);
        }
        Ok(())
    }

    async fn is_listed(&self, session: &Session, instance: &Instance) -> Result<bool, NacosError> {
        let list = session.list(&instance.service).await?;
        Ok(list.iter().any(|(address, _)| *address == instance.address))
    }

    /// Has the changes of a service pushed from now on.
    async fn subscribe(&mut self, session: &Session, service: &str) -> Result<(), NacosError> {
        if !self.subscribed.contains(service) {
            session.subscribe(service).await?;
            self.subscribed.insert(service.to_owned());
        }
        Ok(())
    }

    /// Brings the table up to date with a service, and has its changes pushed from now on.
    async fn follow(&mut self, session: &Session, service: &str) -> Result<(), NacosError> {
        self.subscribe(session, service).await?;
        let version = self.shared.table.version(service);
        let found = session.list(service).await?;
        self.shared.learn(service, Some(version), &found);
        Ok(())
    }
}
