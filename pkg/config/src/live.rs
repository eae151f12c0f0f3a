//! Settings that change while the program runs: documents laid over those that it was started with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::document::{Document, Entry, parse};
use crate::fault::{ConfigErrors, Fault, Origin};
use crate::live_sections::{Counters, Features, Limits};
use crate::render::masked;
use crate::rules;
use crate::settings::Settings;

/// The longest document.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// What a document may set: sections, and single keys. Everything else is read once, at the start.
const LIVE: [&str; 5] =
    ["telemetry.log_level", "telemetry.sample_per_mille", "counters.", "features.", "limits."];

fn is_live(key: &str) -> bool {
    LIVE.iter().any(|live| key == *live || (live.ends_with('.') && key.starts_with(live)))
}

/// The values of the live settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveValues {
    /// Directives as in `RUST_LOG`.
    pub log_level: String,
    /// Of a thousand requests, so many are traced.
    pub sample_per_mille: u16,
    /// The scheduled counters.
    pub counters: Counters,
    /// What people can begin.
    pub features: Features,
    /// Rate limits and lockouts.
    pub limits: Limits,
}

impl LiveValues {
    fn of(settings: &Settings) -> Self {
        Self {
            log_level: settings.telemetry.log_level.clone(),
            sample_per_mille: settings.telemetry.sample_per_mille,
            counters: settings.counters.clone(),
            features: settings.features.clone(),
            limits: settings.limits.clone(),
        }
    }
}

/// The live settings. Clones share them. Whoever works by one asks for it at each use.
#[derive(Clone, Debug)]
pub struct Live(Arc<ArcSwap<LiveValues>>);

impl Live {
    /// Those of `settings`; [`Layers`] can change them.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(LiveValues::of(settings))))
    }

    /// The values in force.
    #[must_use]
    pub fn get(&self) -> Arc<LiveValues> {
        self.0.load_full()
    }
}

/// A live setting that has another value now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `section.key`.
    pub key: String,
    /// As in a settings file, secrets masked.
    pub old: String,
    /// As in a settings file, secrets masked.
    pub new: String,
    /// Where the new value was set.
    pub origin: Origin,
}

/// The settings that the program was started with, and the documents laid over them, each over those before it.
pub struct Layers {
    started: Document,
    documents: Vec<(String, Vec<Entry>)>,
    settings: Settings,
    live: Live,
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.documents.iter().map(|(name, _)| name).collect();
        write!(f, "Layers({names:?})")
    }
}

impl Layers {
    /// `settings`, with room for documents of these names, of which none is there yet.
    ///
    /// # Errors
    ///
    /// The embedded defaults can't be read.
    pub fn new(settings: Settings, names: &[String]) -> Result<Self, ConfigErrors> {
        let started = match &settings.document {
            Some(document) => document.clone(),
            None => Document::defaults().map_err(|fault| ConfigErrors(vec![fault]))?,
        };
        let documents = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        Ok(Self { started, documents, live: Live::of(&settings), settings })
    }

    /// The live values, now and later.
    #[must_use]
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// All settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts `text` in the place of what the document `name` held, and tells what that changes. A document without a text
    /// is one that is not there. `origin` tells the place of a line.
    ///
    /// # Errors
    ///
    /// All faults of the document: then nothing has changed.
    pub fn lay(
        &mut self,
        name: &str,
        text: &str,
        origin: impl Fn(Option<usize>) -> Origin,
    ) -> Result<Vec<Change>, ConfigErrors> {
        let fault = |problem: String| ConfigErrors(vec![Fault::new("", origin(None), problem)]);
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(fault(format!("is longer than {DOCUMENT_BYTES_MAX} bytes")));
        }
        let entries = parse(text, &origin).map_err(|fault| ConfigErrors(vec![fault]))?;
        let mut documents = self.documents.clone();
        let place = documents.iter_mut().find(|(known, _)| known == name);
        let (_, held) = place.ok_or_else(|| fault("is a document that nobody asked for".to_owned()))?;
        *held = entries;
        let document = self.with(&documents)?;
        let settings = Settings::of(document)?;
        let changes = changes(self.settings.document.as_ref(), settings.document.as_ref());
        self.live.0.store(Arc::new(LiveValues::of(&settings)));
        (self.settings, self.documents) = (settings, documents);
        Ok(changes)
    }

    /// The settings of the start with `documents` over them.
    fn with(&self, documents: &[(String, Vec<Entry>)]) -> Result<Document, ConfigErrors> {
        let (mut document, mut faults) = (self.started.clone(), Vec::new());
        for entry in documents.iter().flat_map(|(_, entries)| entries) {
            if document.get(&entry.key).is_some() && !is_live(&entry.key) {
                let problem = "needs a restart: set it in the file";
                faults.push(Fault::new(&entry.key, entry.origin.clone(), problem));
            } else {
                document.apply(entry.clone(), &mut faults);
            }
        }
        rules::check(&document, &mut faults);
        ConfigErrors::of(faults).map_or(Ok(document), Err)
    }
}

/// The live settings whose values differ.
fn changes(old: Option<&Document>, new: Option<&Document>) -> Vec<Change> {
    let entries = new.into_iter().flat_map(Document::entries).filter(|entry| is_live(&entry.key));
    let shown = |entry: &Entry| masked(&entry.key, &entry.value).to_string();
    entries
        .filter_map(|entry| {
            let before = old.and_then(|old| old.get(&entry.key))?;
            (before.value != entry.value).then(|| Change {
                key: entry.key.clone(),
                old: shown(before),
                new: shown(entry),
                origin: entry.origin.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "fanone.user.toml";
    const VIDEO: &str = "fanone.video.toml";

    fn layers(env: &[(&str, &str)]) -> Layers {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Layers::new(Settings::load(None, env).unwrap(), &[USER.to_owned(), VIDEO.to_owned()]).unwrap()
    }

    fn lay(layers: &mut Layers, name: &str, text: &str) -> Result<Vec<Change>, String> {
        let origin = |line| Origin::Nacos(name.to_owned(), line);
        layers.lay(name, text, origin).map_err(|errors| {
            let faults: Vec<String> = errors.faults().iter().map(ToString::to_string).collect();
            faults.join("; ")
        })
    }

    #[test]
    fn a_document_goes_over_the_environment_and_its_changes_are_told() {
        let mut layers = layers(&[("FANONE_COUNTERS__INTERVAL_MS", "700")]);
        let live = layers.live();
        let changes =
            lay(&mut layers, USER, "[counters]\ninterval_ms = 50\n[limits]\nenabled = true\n").unwrap();
        let origin = Origin::Nacos(USER.to_owned(), Some(2));
        let (old, new) = ("700".to_owned(), "50".to_owned());
        assert_eq!(changes, [Change { key: "counters.interval_ms".to_owned(), old, new, origin }]);
        assert_eq!(live.get().counters.interval_ms, 50);
        let shown = layers.settings().render();
        assert!(shown.contains("# nacos fanone.user.toml:2\n"), "{shown}");
        assert!(
            shown.contains("# nacos fanone.user.toml:4\n"),
            "a value that is the same comes from there too"
        );
    }

    #[test]
    fn a_document_that_is_gone_leaves_what_was_before() {
        let mut layers = layers(&[("FANONE_COUNTERS__INTERVAL_MS", "700")]);
        lay(&mut layers, USER, "counters.interval_ms = 50\ntelemetry.log_level = \"debug\"").unwrap();
        let changes = lay(&mut layers, USER, "").unwrap();
        let told: Vec<_> = changes.iter().map(|change| (&*change.key, &*change.new)).collect();
        assert_eq!(told, [("telemetry.log_level", "\"info\""), ("counters.interval_ms", "700")]);
        assert_eq!(changes[1].origin, Origin::Environment("FANONE_COUNTERS__INTERVAL_MS".to_owned()));
        assert_eq!(layers.live().get().counters.interval_ms, 700);
    }

    #[test]
    fn later_documents_go_over_earlier_ones_whichever_came_last() {
        let mut layers = layers(&[]);
        lay(&mut layers, VIDEO, "counters.interval_ms = 50").unwrap();
        assert_eq!(lay(&mut layers, USER, "counters.interval_ms = 60"), Ok(Vec::new()));
        assert_eq!(layers.live().get().counters.interval_ms, 50);
        lay(&mut layers, VIDEO, "").unwrap();
        assert_eq!(layers.live().get().counters.interval_ms, 60);
    }

    #[test]
    fn a_bad_document_is_refused_as_a_whole_and_the_old_one_stays() {
        let mut layers = layers(&[]);
        lay(&mut layers, USER, "limits.mfa_failures = 3").unwrap();
        for (text, problem) in [
            ("limits.mfa_failures = 4\nnonsense = [", "nacos fanone.user.toml:2: no valid TOML: "),
            (
                "[limits]\nmfa_failures = 4\nmfa_failure = 4",
                "limits.mfa_failure (nacos fanone.user.toml:3): unknown key",
            ),
            ("limits.mfa_failures = 0", "0 is out of range; expected 1 to"),
            ("limits.mfa_failures = \"4\"", "expected a whole number, found a text"),
            ("telemetry.log_level = \"fanone=loud\"", "expected directives as in RUST_LOG"),
            ("limits = 1", "expected a section"),
            (
                "limits.mfa_failures = 4\n[http]\nlisten = \"127.0.0.1:1\"",
                "http.listen (nacos fanone.user.toml:3): needs a restart: set it in the file",
            ),
        ] {
            let told = lay(&mut layers, USER, text).unwrap_err();
            assert!(told.contains(problem), "{text:?}: {told}");
            assert_eq!(layers.live().get().limits.mfa_failures, 3, "{text:?}");
        }
        assert!(lay(&mut layers, USER, &"#".repeat(DOCUMENT_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn no_secret_of_a_refused_document_is_told() {
        let text = "[cache]\nurl = \"redis://:hunter2@h\"\n[user]\ndatabase = \"mysql://u:hunter2@h/d\"\npassword = hunter2";
        for text in [text, text.trim_end_matches("password = hunter2")] {
            let told = lay(&mut layers(&[]), USER, text).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn what_is_live_is_all_that_is_in_the_values() {
        let defaults = Document::defaults().unwrap();
        let live = defaults.entries().iter().filter(|entry| is_live(&entry.key)).count();
        let settings = Settings::load(None, std::iter::empty()).unwrap();
        // Destructured, so that a field more needs a look at the list of live keys.
        let LiveValues { log_level: _, sample_per_mille: _, counters, features, limits } =
            LiveValues::of(&settings);
        let Counters { interval_ms: _, batch_events: _ } = counters;
        let Features { registration: _, upload: _, comment: _, chat: _, image_search: _ } = features;
        let Limits {
            enabled: _,
            requests_per_ip: _,
            logins_per_ip: _,
            registrations_per_ip: _,
            messages_per_second: _,
            uploads_per_user: _,
            logins_failed_per_account: _,
            mfa_failures: _,
        } = limits;
        assert_eq!(live, 2 + 2 + 5 + 8);
    }
}
