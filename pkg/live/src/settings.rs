//! Live settings out of documents.

use fanone_config::{ConfigErrors, ConfigUrl, Layers, Live, LiveValues, Role, Settings};
use fanone_telemetry::{chain, names};

use crate::documents::{Documents, Found};

/// Where changes are logged.
pub(crate) const TARGET: &str = fanone_telemetry::logs::SETTINGS;
/// Faults of one document that are told.
const FAULTS_TOLD: usize = 5;
/// The longest that the log is told of a document, characters.
const TOLD_MAX: usize = 2000;

/// The document of a role.
#[must_use]
pub fn document_name(role: Role) -> String {
    format!("{}.toml", role.service_name())
}

/// Lays a document, or says what is wrong with it.
type Lay = Box<dyn FnMut(&Found) -> Result<(), String> + Send + Sync>;

/// Other documents from the same place, that somebody else lays. One that is good is kept for a start without its server.
pub struct Others {
    /// Their names.
    pub names: Vec<String>,
    /// Is given each that is not as it was, with an empty text if it is not there, and says what is wrong with it.
    pub lay: Lay,
}

impl Default for Others {
    /// None.
    fn default() -> Self {
        Self { names: Vec::new(), lay: Box::new(|_| Ok(())) }
    }
}

/// The settings of this process, with the documents of its roles laid over them.
pub struct LiveSettings {
    url: ConfigUrl,
    layers: Layers,
    documents: Option<Documents>,
    changed: Box<dyn Fn(&LiveValues) + Send + Sync>,
    others: Others,
}

impl LiveSettings {
    /// Lays what can be had without waiting over `settings`. `changed` is told of other values, now and later; `others` are read
    /// along with the documents of the roles.
    ///
    /// # Errors
    ///
    /// The embedded defaults can't be read.
    pub async fn open(
        settings: &Settings,
        roles: &[Role],
        others: Others,
        changed: impl Fn(&LiveValues) + Send + Sync + 'static,
    ) -> Result<Self, ConfigErrors> {
        let url = settings.config.url.clone();
        let names: Vec<String> = roles.iter().copied().map(document_name).collect();
        let layers = Layers::new(settings.clone(), &names)?;
        let all = [names, others.names.clone()].concat();
        for name in &all {
            // An alert needs the series before the first refusal.
            metrics::counter!(names::CONFIG_DOCUMENTS_REFUSED, "document" => name.clone()).increment(0);
        }
        let documents = Documents::open(&url, all, &settings.data_dir);
        let mut opened = Self { url, layers, documents, changed: Box::new(changed), others };
        if let Some(documents) = &mut opened.documents {
            for found in documents.first().await {
                opened.lay(&found);
            }
        }
        Ok(opened)
    }

    /// The live values, now and later.
    #[must_use]
    pub fn live(&self) -> Live {
        self.layers.live()
    }

    /// Follows the documents, for ever.
    pub async fn run(mut self) {
        let Some(mut documents) = self.documents.take() else { return };
        loop {
            for found in documents.next().await {
                if self.lay(&found) {
                    documents.keep(&found).await;
                }
            }
        }
    }

    /// Lays a document over the settings, or refuses it. Whether it was good.
    fn lay(&mut self, found: &Found) -> bool {
        let laid = if self.others.names.contains(&found.name) {
            (self.others.lay)(found)
        } else {
            self.lay_settings(found).map_err(|errors| first_faults(&errors))
        };
        if let Err(faults) = &laid {
            let (document, faults) = (&found.name, one_line(faults));
            metrics::counter!(names::CONFIG_DOCUMENTS_REFUSED, "document" => document.clone()).increment(1);
            tracing::warn!(target: TARGET, %document, %faults, "a document is refused; what is in force stays");
        }
        laid.is_ok()
    }

    fn lay_settings(&mut self, Found { name, text }: &Found) -> Result<(), ConfigErrors> {
        let url = &self.url;
        let changes = self.layers.lay(name, text, |line| url.origin(name, line))?;
        for change in &changes {
            let (key, old, new, origin) = (&change.key, &change.old, &change.new, &change.origin);
            tracing::info!(target: TARGET, %key, %old, %new, %origin, "a live setting has changed");
        }
        if !changes.is_empty() {
            (self.changed)(&self.layers.live().get());
        }
        Ok(())
    }
}

/// What the settings of `roles` would be with the documents as they are now, and what is wrong with these.
///
/// # Errors
///
/// The embedded defaults can't be read.
pub async fn preview(settings: &Settings, roles: &[Role]) -> Result<(Settings, Vec<String>), ConfigErrors> {
    let url = &settings.config.url;
    let names: Vec<String> = roles.iter().copied().map(document_name).collect();
    let mut layers = Layers::new(settings.clone(), &names)?;
    let mut problems = Vec::new();
    if let Some(mut documents) = Documents::open(url, names, &settings.data_dir) {
        match documents.look().await {
            Ok(found) => {
                for Found { name, text } in found {
                    let laid = layers.lay(&name, &text, |line| url.origin(&name, line));
                    problems
                        .extend(laid.err().map(|errors| {
                            format!("{name} is refused: {}", one_line(&first_faults(&errors)))
                        }));
                }
            }
            Err(error) => {
                problems.push(format!(
                    "without the documents at {url}, for they can't be read: {}",
                    chain(&error)
                ));
            }
        }
    }
    Ok((layers.settings().clone(), problems))
}

fn first_faults(errors: &ConfigErrors) -> String {
    let told: Vec<String> = errors.faults().iter().take(FAULTS_TOLD).map(ToString::to_string).collect();
    let mut line = told.join("; ");
    if errors.faults().len() > FAULTS_TOLD {
        line.push_str("; and more");
    }
    line
}

/// What the log is told of a document: one line whatever it holds, and not without end.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD_MAX).collect()
}
