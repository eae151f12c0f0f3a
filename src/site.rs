//! Starts the roles of this process, and ends them in order.

use std::{future::Future, pin::Pin, time::Duration};

use anyhow::Context;
use fanone_config::{Live, Mode, Role, Settings};
use fanone_governance::Governance;
use fanone_identity::{
    Keys, OnMissing,
    permissions::{EMBEDDING, SERVICES},
};
use fanone_live::LiveSettings;
use fanone_registry::Registry;
use fanone_telemetry::{
    admin::{self, Readiness},
    logs, metrics, trace,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    banner, governance,
    outside::{self, Outside},
    registration, roles,
};

/// The stop takes no longer, once the registry has been told; what still runs then is cut off.
const STOP_MAX: Duration = Duration::from_millis(4500);

/// What every role of this process is built from.
pub(crate) struct Site {
    pub(crate) settings: Settings,
    /// Those that change while it runs.
    pub(crate) live: Live,
    pub(crate) keys: Keys,
    pub(crate) registry: Registry,
    /// The rules of calls.
    pub(crate) governance: Governance,
    /// The cache and the databases.
    pub(crate) outside: Outside,
    pub(crate) readiness: Readiness,
    /// Tells the front's clients to turn away.
    pub(crate) leaving: CancellationToken,
    /// Ends the front and the scheduled jobs.
    pub(crate) stop_first: CancellationToken,
    /// Ends the services, when the front has nothing left to ask them.
    pub(crate) stop_last: CancellationToken,
}

/// A part of the site that runs until its token is cancelled.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a role leaves running.
#[derive(Default)]
pub(crate) struct Parts {
    /// Ended by `stop_first`.
    pub(crate) first: Vec<Running>,
    /// Ended by `stop_last`.
    pub(crate) last: Vec<Running>,
}

/// Runs `roles` until a signal.
pub(crate) async fn run(settings: Settings, roles: &[Role]) -> anyhow::Result<()> {
    let started = Instant::now();
    let log = logs::init(&settings.telemetry)?;
    let metrics = metrics::install()?;
    let services: Vec<_> = roles.iter().map(|role| role.service_name()).collect();
    let traces = trace::start(&settings.telemetry, &services)?;
    let governance = Governance::with_timeouts(&settings.calls, [(EMBEDDING, settings.model.timeout())]);
    let rules = governance::followed(&governance, &services, &settings.config.url);
    let live = LiveSettings::open(&settings, roles, rules, move |values| {
        set_log_level(&log, &values.log_level);
        trace::set_rate(values.sample_per_mille);
    })
    .await?;
    let listeners = bind_all(&settings, roles).await?;
    let on_missing = match settings.mode {
        Mode::Development => OnMissing::Generate,
        Mode::Production => OnMissing::Refuse,
    };
    let outside = outside::open(&settings, roles).await?;
    let site = Site {
        outside,
        live: live.live(),
        keys: Keys::open(&settings.identity.keys, on_missing)?.with_clients(&settings.identity.clients)?,
        registry: Registry::open(&settings.registry.url, registration::options(&settings, roles))?,
        governance,
        readiness: Readiness::default(),
        leaving: CancellationToken::new(),
        stop_first: CancellationToken::new(),
        stop_last: CancellationToken::new(),
        settings,
    };
    watch(&site);
    let mut signals = Signals::listen()?;
    let mut parts = Parts::default();
    let (admin_listener, role_listeners) = listeners;
    for (role, listener) in role_listeners {
        let address = listener.local_addr()?;
        let of_role =
            roles::start(&site, role, listener).await.with_context(|| format!("starting {role}"))?;
        parts.first.extend(of_role.first);
        parts.last.extend(of_role.last);
        site.registry.register(registration::instance(&site.settings, role, address)).await?;
    }
    let (mut first, mut last) = (JoinSet::new(), JoinSet::new());
    parts.first.into_iter().for_each(|part| drop(first.spawn(part)));
    parts.last.into_iter().for_each(|part| drop(last.spawn(part)));
    let stop = site.stop_first.clone();
    first.spawn(async move { Box::pin(stop.run_until_cancelled(live.run())).await.unwrap_or_default() });
    let pages = vec![governance::page(&site)];
    last.spawn(admin::serve(admin_listener, metrics, site.readiness.clone(), pages, site.stop_last.clone()));
    banner::print(&site.settings, roles, started.elapsed());

    signals.first().await;
    tracing::info!("stopping");
    let is_done = end(&site, roles, first, last, &mut signals).await;
    if let Some(traces) = traces.filter(|_| is_done) {
        traces.finish().await;
    }
    Ok(())
}

/// Ends everything in order. Whether that much time was given: at a second signal everything ends at once.
async fn end(
    site: &Site,
    roles: &[Role],
    mut first: JoinSet<()>,
    mut last: JoinSet<()>,
    signals: &mut Signals,
) -> bool {
    // Nobody is to come any more before anything stops to listen.
    tokio::select! {
        () = leave(site, roles) => {}
        () = signals.first() => {
            tracing::warn!("stopped at once, at the second signal");
            return false;
        }
    }
    let orderly = async {
        site.stop_first.cancel();
        while first.join_next().await.is_some() {}
        site.stop_last.cancel();
        while last.join_next().await.is_some() {}
    };
    tokio::select! {
        () = orderly => tracing::info!("stopped"),
        () = tokio::time::sleep(STOP_MAX) => tracing::warn!("some requests were cut off"),
        () = signals.first() => tracing::warn!("stopped at once, at the second signal"),
    }
    true
}

/// Tells everybody to turn away, and gives them the time to do so.
async fn leave(site: &Site, roles: &[Role]) {
    site.readiness.add("process", || async { Err("it ends") });
    site.leaving.cancel();
    let has_front = roles.contains(&Role::Http);
    let turned_away = if has_front { site.settings.http.leave_time() } else { Duration::ZERO };
    tokio::join!(site.registry.leave(), tokio::time::sleep(turned_away));
}

/// Shows other lines in the log from now on.
fn set_log_level(log: &logs::Log, level: &str) {
    if let Err(error) = log.set_level(level) {
        tracing::warn!(error = fanone_telemetry::chain(&error), "the log goes on as it was");
    }
}

/// Makes the databases, and its place among the other processes, a part of the program's readiness.
fn watch(site: &Site) {
    for (role, store) in site.outside.stores() {
        let store = store.clone();
        site.readiness.add(format!("{role}.database"), move || {
            let store = store.clone();
            async move { store.ping().await.map_err(|error| fanone_telemetry::chain(&error)) }
        });
    }
    let registry = site.registry.clone();
    site.readiness.add("registry", move || std::future::ready(is_placed(&registry)));
}

/// Whether this process knows those whom it calls, and is known: whoever restarts one process after the other goes by that.
fn is_placed(registry: &Registry) -> Result<(), String> {
    // A model that is away is no reason to ask nobody.
    let ours = |name: &String| SERVICES.contains(&name.as_str());
    let unknown: Vec<_> = registry.unknown_services().into_iter().filter(ours).collect();
    if !unknown.is_empty() {
        return Err(format!("no instance of {} is known", unknown.join(", ")));
    }
    let unregistered = registry.unregistered_services();
    if !unregistered.is_empty() {
        return Err(format!("{} is not registered yet", unregistered.join(", ")));
    }
    Ok(())
}

/// Binds every port before anything starts, so that one message names all that are taken.
async fn bind_all(
    settings: &Settings,
    roles: &[Role],
) -> anyhow::Result<(TcpListener, Vec<(Role, TcpListener)>)> {
    let mut faults = Vec::new();
    let mut bound = Vec::new();
    let admin = TcpListener::bind(settings.admin.listen).await;
    if let Err(error) = &admin {
        faults.push(format!("admin.listen = {}: {error}", settings.admin.listen));
    }
    for role in roles {
        let address = settings.listen(*role);
        match TcpListener::bind(address).await {
            Ok(listener) => bound.push((*role, listener)),
            Err(error) => faults.push(format!("{role}.listen = {address}: {error}")),
        }
    }
    match admin {
        Ok(admin) if faults.is_empty() => Ok((admin, bound)),
        _ => anyhow::bail!("cannot listen; is the site running already?\n  {}", faults.join("\n  ")),
    }
}

/// Ctrl-C and the polite kill.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
