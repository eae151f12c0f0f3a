//! One client of one service: which instance has the call, and by which rules it is made.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fanone_config::Calls;
use fanone_identity::permissions;
use fanone_telemetry::names;
use metrics::Counter;
use tokio::time::Instant;
use volo::discovery::Instance;

use crate::{
    balancer::{Balancer, Pick},
    breaker::Breaker,
    document::{Backup, ByMethod, CircuitBreak, Degradation, Failure, Refused, Retry, Timeout, read},
    governance::{Applied, replaced},
    is_read,
    method::{Method, MethodRules},
    names::Category,
    rules::{Backoff, BackupPolicy, Breaking, FailurePolicy, Repeat},
};

/// Any method, in a document.
pub(crate) const ANY: &str = "*";

/// See the module.
pub struct Client {
    pub(crate) client: String,
    pub(crate) server: String,
    defaults: Calls,
    pub(crate) methods: HashMap<&'static str, Method>,
    /// Stands for methods that no table knows.
    other: Method,
    balancer: Balancer,
    /// Of a hundred calls, so many are refused.
    degraded_percent: AtomicU32,
    pub(crate) documents: Mutex<Documents>,
    rejected: Counter,
    degraded: Counter,
}

/// The documents in force.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) timeouts: Option<ByMethod<Timeout>>,
    pub(crate) breaks: Option<ByMethod<CircuitBreak>>,
    pub(crate) retries: Option<ByMethod<Retry>>,
    pub(crate) degradation: Option<Degradation>,
}

/// Where a call goes.
pub struct Choice {
    /// Whose turn it is.
    pub first: Arc<Breaker>,
    /// Who takes it if that one can't be connected to.
    pub other: Option<Arc<Breaker>>,
}

/// No instance may have the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInstance {
    /// There is none.
    #[error("every instance has weight 0")]
    Weightless,
    /// The breakers of all are open.
    #[error("the breaker of every instance is open")]
    CutOff,
}

impl Client {
    pub(crate) fn new(client: &str, server: &str, defaults: &Calls) -> Self {
        let none = Documents::default();
        let new = |name: &str, is_read: bool| {
            Method::new(client, server, name, is_read, none.rules_of(name, is_read, defaults))
        };
        let methods = permissions::methods(server).map(|name| (name, new(name, is_read(server, name))));
        let counter = |name: &'static str| {
            let labels = [("rpc_service", server.to_owned()), ("caller", client.to_owned())];
            let counter = metrics::counter!(name, &labels);
            counter.increment(0);
            counter
        };
        Self {
            client: client.to_owned(),
            server: server.to_owned(),
            defaults: defaults.clone(),
            methods: methods.collect(),
            other: new("other", false),
            balancer: Balancer::new(defaults.balancer),
            degraded_percent: AtomicU32::new(0),
            documents: Mutex::default(),
            rejected: counter(names::RPC_BREAKER_REJECTIONS),
            degraded: counter(names::RPC_DEGRADED),
        }
    }

    /// Who is called.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A method by its name.
    #[must_use]
    pub fn method(&self, name: &str) -> &Method {
        self.methods.get(name).unwrap_or(&self.other)
    }

    /// Whether this call is one of those that are not made.
    #[must_use]
    pub fn degrades(&self) -> bool {
        let percent = self.degraded_percent.load(Ordering::Relaxed);
        let degrades = percent > 0 && rand::random::<u32>() % 100 < percent;
        if degrades {
            self.degraded.increment(1);
        }
        degrades
    }

    /// Chooses among the instances: whose turn it is of those that no breaker keeps calls from, and not `avoided` if there is
    /// another one.
    ///
    /// # Errors
    ///
    /// No instance may have the call.
    pub fn choose(
        &self,
        method: &Method,
        instances: &[Arc<Instance>],
        avoided: Option<SocketAddr>,
    ) -> Result<Choice, NoInstance> {
        let (now, breakers) = (Instant::now(), method.breakers());
        let breaks = method.rules().breaking.is_some();
        let is_passable = |address: SocketAddr| {
            let of = || breakers.iter().find(|breaker| breaker.address() == address);
            !breaks || of().is_none_or(|breaker| breaker.is_passable(now))
        };
        let elsewhere = avoided.and_then(|avoided| {
            self.balancer.pick(instances, |address| address != avoided && is_passable(address))
        });
        let mut picked = elsewhere.or_else(|| self.balancer.pick(instances, is_passable));
        // Of a half-open breaker somebody else may take the turn in between: then there is another pick.
        for _ in 0..=instances.len() {
            let Some(Pick { first, other }) = picked else { break };
            let first = method.breaker(first, instances);
            if !breaks || first.pass(now) {
                return Ok(Choice { first, other: other.map(|other| method.breaker(other, instances)) });
            }
            picked = self.balancer.pick(instances, is_passable);
        }
        if instances.iter().all(|instance| instance.weight == 0) {
            return Err(NoInstance::Weightless);
        }
        self.rejected.increment(1);
        Err(NoInstance::CutOff)
    }

    /// Lets another document rule.
    pub(crate) fn apply(&self, category: Category, text: &str) -> Result<Applied, Refused> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut applied = match category {
            Category::RpcTimeout => replaced(&mut documents.timeouts, read(text)?),
            Category::CircuitBreak => replaced(&mut documents.breaks, read(text)?),
            Category::Retry => replaced(&mut documents.retries, read(text)?),
            Category::Degradation => replaced(&mut documents.degradation, read(text)?),
            Category::Limit => return Err(Refused::new("the document", "is for servers")),
        };
        applied.warnings = self.warnings(category, &documents);
        let degradation = documents.degradation.clone().unwrap_or_default();
        let percent = if degradation.enable { degradation.percentage } else { 0 };
        self.degraded_percent.store(percent, Ordering::Relaxed);
        for (name, method) in self.methods.iter().chain([(&ANY, &self.other)]) {
            method.set_rules(documents.rules_of(name, method.is_read, &self.defaults));
        }
        Ok(applied)
    }

    /// What of a document has no effect.
    fn warnings(&self, category: Category, documents: &Documents) -> Vec<String> {
        fn names<T>(document: Option<&ByMethod<T>>) -> Vec<&str> {
            document.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
        }
        let named = match category {
            Category::RpcTimeout => names(documents.timeouts.as_ref()),
            Category::CircuitBreak => names(documents.breaks.as_ref()),
            Category::Retry => names(documents.retries.as_ref()),
            Category::Degradation | Category::Limit => Vec::new(),
        };
        let mut warnings = Vec::new();
        for name in named {
            match self.methods.get(name) {
                None if name == ANY && category == Category::CircuitBreak => {
                    warnings.push("* has no meaning here: each method has an entry of its own".to_owned());
                }
                None if name != ANY => warnings.push(format!("{} has no method {name}", self.server)),
                Some(method) if category == Category::Retry && !method.is_read => {
                    warnings.push(format!("{name} changes something: it is never called again"));
                }
                _ => {}
            }
        }
        if category == Category::Retry {
            let stops = documents.retries.iter().flatten().filter_map(|(name, retry)| {
                let stop = retry.failure_policy.as_ref().map(|policy| &policy.stop_policy);
                let stop = stop.or(retry.backup_policy.as_ref().map(|policy| &policy.stop_policy));
                stop?.warning().map(|warning| format!("{name}: {warning}"))
            });
            warnings.extend(stops);
        }
        warnings
    }
}

impl Documents {
    fn rules_of(&self, name: &str, is_read: bool, defaults: &Calls) -> MethodRules {
        let entries = || {
            [name, ANY].into_iter().filter_map(|name| self.timeouts.as_ref().and_then(|all| all.get(name)))
        };
        let time = |ms: fn(&Timeout) -> u64, default: Duration| {
            entries().map(ms).find(|ms| *ms > 0).map_or(default, Duration::from_millis)
        };
        let timeout = time(|entry| entry.rpc_timeout_ms, defaults.rpc_timeout());
        let breaking = self.breaks.as_ref().and_then(|all| all.get(name)).unwrap_or(&CircuitBreak::DEFAULT);
        let CircuitBreak { enable, err_rate, min_sample } = *breaking;
        let retry = self.retries.as_ref().and_then(|all| all.get(name).or_else(|| all.get(ANY)));
        MethodRules {
            timeout,
            connect: time(|entry| entry.conn_timeout_ms, defaults.connect_timeout()),
            breaking: enable.then_some(Breaking { err_rate, min_sample }),
            repeat: is_read.then(|| repeat(retry, timeout)).flatten(),
        }
    }
}

/// How a method that only reads is repeated. Without a rule: once, when its connection broke, in the time of one call.
fn repeat(rule: Option<&Retry>, timeout: Duration) -> Option<Repeat> {
    let Some(rule) = rule else {
        return Some(Repeat::Failure(FailurePolicy {
            retries: 1,
            within: Some(timeout),
            total: Some(timeout),
            backoff: Backoff::None,
            same_instance: false,
            error_rate: None,
        }));
    };
    let within = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
    let failure = |policy: &Failure| {
        let stop = &policy.stop_policy;
        let pauses = policy.backoff_policy.clone().unwrap_or_default();
        let ms = |value: f64| Duration::from_secs_f64(value / 1000.0);
        Repeat::Failure(FailurePolicy {
            retries: stop.max_retry_times,
            within: within(stop.max_duration_ms),
            total: None,
            backoff: match pauses.backoff_type.as_str() {
                "fixed" => Backoff::Fixed(ms(pauses.cfg_items.fix_ms)),
                "random" => Backoff::Random(ms(pauses.cfg_items.min_ms), ms(pauses.cfg_items.max_ms)),
                _ => Backoff::None,
            },
            same_instance: policy.retry_same_node,
            error_rate: Some(stop.cb_policy.rate()),
        })
    };
    let backup = |policy: &Backup| {
        Repeat::Backup(BackupPolicy {
            delay: Duration::from_millis(policy.retry_delay_ms),
            backups: policy.stop_policy.max_retry_times,
            within: within(policy.stop_policy.max_duration_ms),
            error_rate: policy.stop_policy.cb_policy.rate(),
        })
    };
    let policy = rule.failure_policy.as_ref().map(failure).or(rule.backup_policy.as_ref().map(backup));
    policy.filter(|_| rule.enable)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
