//! Describes pictures that the present model has not described: those that were stored while it was away, and after a change
//! of the model all of them.

mod strikes;

use std::time::{Duration, Instant};

use bytes::Bytes;
use fanone_base::{Code, Failure as _};
use fanone_media::{
    Key, MediaError,
    picture::{self, PictureLimits},
};
use fanone_telemetry::{jobs, names};
use futures::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::user::{DescribedPicture, ListUndescribedReq, SetVectorsReq, UndescribedPicture};

use crate::{calls, compose::Problem, describe::strikes::Strikes, lease, models::wire, state::App};

/// Pictures that are described between two writes.
const BATCH: i32 = 100;
/// Uploads and searches want the model, too.
const AT_A_TIME: usize = 2;
/// What is in the store has been judged when it came; this only bounds what is read.
const LIMITS: PictureLimits = PictureLimits { bytes_max: 100 << 20, side_max: 32_768 };
/// One run ends after so long, so that somebody sees that it goes well; the next one goes on.
const RUN_MAX: Duration = Duration::from_secs(60);
/// The fronts share the pictures: one of them is enough.
const LEASE: &str = "lease:pictures_describe";
/// What may come of looking at a picture again.
const OUTCOMES: [&str; 2] = ["vector", "none"];

/// Looks for such pictures at once and every `model.describe_interval_ms`, until `shutdown`.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    for outcome in OUTCOMES {
        metrics::counter!(names::MODEL_DESCRIBED, "outcome" => outcome).increment(0);
    }
    let interval: Duration = app.settings.model.describe_interval();
    let strikes = Strikes::default();
    let describe = || Box::pin(lease::alone(&app.cache, LEASE, describe_all(&app, &strikes)));
    jobs::every("pictures_describe", || interval, shutdown, describe).await;
}

/// Batch after batch, until there are no more, or nothing comes of it.
async fn describe_all(app: &App, strikes: &Strikes) -> Result<(), Problem> {
    let begun = Instant::now();
    while begun.elapsed() < RUN_MAX {
        let request = ListUndescribedReq { model: app.models.present.name().to_owned().into(), limit: BATCH };
        let pictures = calls::answer(app.services.user.list_undescribed(request)).await?.items;
        if pictures.is_empty() {
            return Ok(());
        }
        let (items, trouble) = describe_batch(app, strikes, pictures).await;
        let moved = !items.is_empty();
        write(app, items).await?;
        match trouble {
            // The others of the batch went well: it is something about this picture.
            Some(Problem::Model(error)) if moved && error.is_about_one_picture() => {}
            Some(problem) => return Err(problem),
            None => {}
        }
    }
    Ok(())
}

/// What is known of the pictures now, and the first thing that stood in the way. Stops where the model or the store is away.
async fn describe_batch(
    app: &App,
    strikes: &Strikes,
    pictures: Vec<UndescribedPicture>,
) -> (Vec<DescribedPicture>, Option<Problem>) {
    let looks = pictures.into_iter().map(|picture| async move {
        let vector = look(app, &picture.key).await;
        (picture.id, vector)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_A_TIME);
    let (mut items, mut trouble) = (Vec::new(), None);
    while let Some((id, vector)) = looks.next().await {
        match vector {
            Ok(vector) => items.push(DescribedPicture { id, vector }),
            Err(Problem::Model(error)) if error.is_about_one_picture() => {
                if strikes.is_out(id, app.models.successes()) {
                    tracing::warn!(
                        picture = id,
                        error = fanone_telemetry::chain(&error),
                        "the model makes no vector of it"
                    );
                    items.push(DescribedPicture { id, vector: Bytes::new() });
                } else {
                    trouble.get_or_insert(Problem::Model(error));
                }
            }
            Err(problem) => return (items, Some(problem)),
        }
    }
    (items, trouble)
}

/// The vector of a stored picture; empty if there can be none.
async fn look(app: &App, key: &str) -> Result<Bytes, Problem> {
    let Ok(key) = key.parse::<Key>() else { return Ok(Bytes::new()) };
    let file = match app.media.read_head(&key, LIMITS.bytes_max).await {
        Ok(file) => file,
        Err(MediaError::NotFound) => return Ok(Bytes::new()),
        Err(error) => return Err(error.into()),
    };
    match picture::open(file.into(), LIMITS).await {
        Ok(opened) => Ok(wire(&app.models.embed(opened.preview).await?)),
        Err(error) if error.code() == Code::Internal => Err(error.into()),
        Err(_no_picture) => Ok(Bytes::new()),
    }
}

async fn write(app: &App, items: Vec<DescribedPicture>) -> Result<(), Problem> {
    if items.is_empty() {
        return Ok(());
    }
    let of =
        |outcome: &str| items.iter().filter(|item| item.vector.is_empty() == (outcome == "none")).count();
    let counts = OUTCOMES.map(|outcome| (outcome, of(outcome) as u64));
    let request = SetVectorsReq { model: app.models.present.name().to_owned().into(), items };
    calls::answer(app.services.user.set_vectors(request)).await?;
    for (outcome, count) in counts {
        metrics::counter!(names::MODEL_DESCRIBED, "outcome" => outcome).increment(count);
    }
    Ok(())
}
