//! `fanone reindex`: makes the index of vectors anew from the database.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::bail;
use fanone_config::{Role, Settings, VectorsUrl};
use fanone_store::Store;
use fanone_user::Progress;
use fanone_vectors::MilvusIndex;
use indicatif::{ProgressBar, ProgressStyle};

use crate::outside;

/// Where nobody looks at a terminal, a line as often as that.
const PAUSE: Duration = Duration::from_secs(10);

/// Does it, and says how far it is.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let VectorsUrl::Milvus(url) = &settings.vectors.url else {
        println!(
            "vectors.url is {}: each process fills its own index at its start, so there is nothing to do.",
            settings.vectors.url
        );
        return Ok(());
    };
    let (Some(database), Some(migrations)) = (settings.database(Role::User), outside::schema(Role::User))
    else {
        bail!("the user service has no database");
    };
    let options = outside::options(settings, Role::User, migrations, None);
    let store = match Store::open(database, &options).await {
        Ok(store) => store,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(|error| fanone_telemetry::chain(error)).collect();
            bail!("{}", errors.join("\n"));
        }
    };
    let index = MilvusIndex::new(url, settings.vectors.timeout());
    let shown = Shown::new();
    let rebuilt = fanone_user::reindex(store, &index, |progress| shown.show(progress)).await;
    shown.bar.finish_and_clear();
    let rebuilt = rebuilt?;
    if rebuilt.is_empty() {
        println!("No picture has a vector yet.");
    }
    for (model, vectors) in rebuilt {
        println!("{model}: {vectors} vectors");
    }
    Ok(())
}

struct Shown {
    bar: ProgressBar,
    is_terminal: bool,
    began: Instant,
    told: Mutex<Instant>,
}

impl Shown {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("[{bar:40}] {pos}/{len} pictures  {per_sec}  {eta} left")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        Self { bar, is_terminal: std::io::stderr().is_terminal(), began: now, told: Mutex::new(now) }
    }

    fn show(&self, progress: Progress) {
        match progress {
            Progress::Step(text) => self.bar.suspend(|| eprintln!("{text}")),
            Progress::Rows { done, total } => {
                self.bar.set_length(total);
                self.bar.set_position(done);
                self.tell(done, total);
            }
        }
    }

    fn tell(&self, done: u64, total: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_terminal || (done < total && told.elapsed() < PAUSE) {
            return;
        }
        *told = Instant::now();
        let rate = done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        eprintln!(
            "{done} of {total} pictures, {rate:.0} a second, {:.0} s left",
            (total - done) as f64 / rate.max(0.001)
        );
    }
}
