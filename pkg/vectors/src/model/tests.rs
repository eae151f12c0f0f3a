use std::{path::PathBuf, sync::Arc, time::Duration};

use fanone_call::Peer;
use fanone_config::{ModelUrl, Settings};
use fanone_identity::{Keys, OnMissing, permissions::EMBEDDING};
use fanone_registry::Registry;
use image::DynamicImage;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::{
    base::BaseResp,
    embedding::{EmbedReq, EmbedResp, EmbeddingService, EmbeddingServiceRequestRecv, EmbeddingServiceServer},
};
use volo_thrift::ServerError;

use super::*;
use crate::{VectorError, to_bytes};

const LIMIT: Duration = Duration::from_millis(800);

/// The small network of the repository.
pub(crate) fn small() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/small.onnx")
}

fn peer(name: &str, folder: &TempDir) -> Peer {
    let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
    // The server of a model has no key of its own, for it calls nobody; a peer wants one.
    std::fs::copy(folder.path().join("fanone.user.key"), folder.path().join("fanone.embedding.key")).unwrap();
    let settings = Settings::load(None, std::iter::empty()).unwrap();
    Peer::new(name, &keys, Duration::from_secs(60), Registry::memory(), &settings.calls).unwrap()
}

/// A model of this process.
pub(crate) fn local(url: &ModelUrl) -> Model {
    let folder = tempfile::tempdir().unwrap();
    Prepared::read(url).unwrap().open(&peer("fanone.http", &folder), Duration::from_secs(60))
}

#[tokio::test]
async fn models_of_this_process_give_unit_vectors_of_their_dimension() {
    for url in [ModelUrl::Builtin, ModelUrl::Onnx(small())] {
        let model = local(&url);
        for picture in [DynamicImage::new_rgb8(1, 1), DynamicImage::new_rgba8(300, 20)] {
            let vector = model.embed(picture).await.unwrap();
            assert_eq!(vector.len(), model.dimension());
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-4, "{length}");
        }
    }
}

#[test]
fn a_network_is_named_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.onnx");
    std::fs::copy(small(), &copy).unwrap();
    let names = [small(), copy].map(|path| local(&ModelUrl::Onnx(path)).name().to_owned());
    assert_eq!(names[0], names[1]);
    assert!(names[0].starts_with("onnx-") && names[0].len() == 17, "{names:?}");
}

#[test]
fn what_is_no_network_of_pictures_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(small()).unwrap();
    let replaced = |from: &[u8], to: &[u8]| {
        let place = whole.windows(from.len()).rposition(|window| window == from).unwrap();
        [&whole[..place], to, &whole[place + from.len()..]].concat()
    };
    for (name, content, expected) in [
        ("missing", None, "cannot read"),
        ("empty", Some(Vec::new()), "no ONNX network"),
        ("text", Some(b"this is no network".repeat(100)), "no ONNX network"),
        ("cut", Some(whole[..whole.len() / 2].to_vec()), "no ONNX network"),
        ("unknown node", Some(replaced(b"Flatten", b"Flutter")), "no ONNX network"),
        ("bad mean", Some(replaced(b"0.5,0.5,0.5", b"0.5,0.5,0,5")), "mean in metadata_props"),
        ("bad std", Some(replaced(b"0.25,0.25,0.25", b"0.25,0.25,-.25")), "std in metadata_props"),
    ] {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = Prepared::read(&ModelUrl::Onnx(path.clone())).err().unwrap().to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
}

/// What the model in another program does next.
#[derive(Clone, Debug)]
enum Does {
    Answer(Vec<u8>, &'static str),
    Refuse(i32),
    Sleep,
}

#[derive(Clone)]
struct Elsewhere(watch::Receiver<Does>);

impl EmbeddingService for Elsewhere {
    async fn embed(&self, req: EmbedReq) -> Result<EmbedResp, ServerError> {
        assert!(image::load_from_memory(&req.picture).unwrap().width() > 0);
        let does = self.0.borrow().clone();
        let (code, vector, model) = match does {
            Does::Answer(vector, model) => (10000, vector, model),
            Does::Refuse(code) => (code, Vec::new(), "m"),
            Does::Sleep => {
                tokio::time::sleep(LIMIT * 10).await;
                (10000, Vec::new(), "m")
            }
        };
        let base = BaseResp { code, msg: "".into() };
        Ok(EmbedResp { base, vector: vector.into(), model: model.into() })
    }
}

/// A server that can be told what to do, and a model that asks it.
struct Pair {
    model: Model,
    does: watch::Sender<Does>,
    port: u16,
    stop: CancellationToken,
    folder: Arc<TempDir>,
}

impl Pair {
    async fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let (does, seen) = watch::channel(Does::Answer(to_bytes(&[3.0, 4.0]), "m"));
        let stop = CancellationToken::new();
        let port = serve(0, &folder, seen, &stop).await;
        let url = format!("thrift://localhost:{port}?name=m&dimension=2").parse().unwrap();
        let model = Prepared::read(&url).unwrap().open(&peer("fanone.http", &folder), LIMIT);
        Self { model, does, port, stop, folder }
    }

    async fn embed(&self) -> Result<Vec<f32>, ModelError> {
        self.model.embed(DynamicImage::new_rgb8(30, 20)).await
    }

    async fn after(&self, does: Does) -> ModelError {
        self.does.send_replace(does);
        self.embed().await.unwrap_err()
    }

    /// Waits until the model is asked again, and asks it.
    async fn rested(&self) -> Result<Vec<f32>, ModelError> {
        loop {
            match self.embed().await {
                Err(ModelError::Resting) => tokio::time::sleep(Duration::from_millis(20)).await,
                result => return result,
            }
        }
    }
}

async fn serve(port: u16, folder: &TempDir, seen: watch::Receiver<Does>, stop: &CancellationToken) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handler = EmbeddingServiceServer::from_handler(Elsewhere(seen));
    let stop = stop.clone().cancelled_owned();
    let server = peer(EMBEDDING, folder).serve::<EmbeddingServiceRequestRecv, _>(handler, listener, stop);
    tokio::spawn(server.unwrap());
    port
}

#[tokio::test]
async fn a_model_elsewhere_is_asked_and_its_vector_brought_to_unit_length() {
    let pair = Pair::start().await;
    let vector = pair.embed().await.unwrap();
    assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6, "{vector:?}");
    assert_eq!((pair.model.name(), pair.model.dimension()), ("m", 2));
}

#[tokio::test]
async fn an_answer_that_cannot_be_right_is_recognised() {
    let pair = Pair::start().await;
    let good = to_bytes(&[3.0, 4.0]);
    let answer = |numbers: &[f32]| Does::Answer(to_bytes(numbers), "m");
    assert!(matches!(pair.after(Does::Answer(good, "other")).await, ModelError::Name { .. }));
    let three = pair.after(answer(&[1.0; 3])).await;
    assert!(matches!(three, ModelError::Vector(VectorError::Dimension { expected: 2, actual: 3 })));
    assert!(matches!(
        pair.after(answer(&[])).await,
        ModelError::Vector(VectorError::Dimension { actual: 0, .. })
    ));
    assert!(matches!(
        pair.after(Does::Answer(vec![0; 7], "m")).await,
        ModelError::Vector(VectorError::Bytes(7))
    ));
    assert!(matches!(pair.after(answer(&[f32::NAN, 1.0])).await, ModelError::Vector(VectorError::NotFinite)));
    assert!(matches!(
        pair.after(answer(&[1.0, f32::INFINITY])).await,
        ModelError::Vector(VectorError::NotFinite)
    ));
    assert!(matches!(pair.after(answer(&[0.0, 0.0])).await, ModelError::Vector(VectorError::Zero)));
    let refused = pair.after(Does::Refuse(10002)).await;
    assert!(matches!(refused, ModelError::Refused(_)) && refused.is_about_one_picture());
    pair.does.send_replace(answer(&[1.0, 0.0]));
    assert!(pair.embed().await.is_ok(), "nothing of this makes it rest");
}

#[tokio::test]
async fn a_slow_model_is_given_up_in_time_and_left_alone_for_a_while() {
    let pair = Pair::start().await;
    assert!(matches!(pair.after(Does::Sleep).await, ModelError::Timeout(_) | ModelError::Unreachable(_)));
    let begun = Instant::now();
    assert!(matches!(pair.embed().await, Err(ModelError::Resting)));
    assert!(begun.elapsed() < LIMIT, "nobody waits for it meanwhile");
    pair.does.send_replace(Does::Answer(to_bytes(&[1.0, 0.0]), "m"));
    assert!(pair.rested().await.is_ok());
}

#[tokio::test]
async fn a_model_that_is_gone_is_found_again_when_it_is_back() {
    let mut pair = Pair::start().await;
    pair.stop.cancel();
    // Until the last connection is gone too.
    while pair.rested().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pair.stop = CancellationToken::new();
    serve(pair.port, &pair.folder, pair.does.subscribe(), &pair.stop).await;
    while pair.rested().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_no_reason_to_wait() {
    let url = "thrift://nowhere.invalid:1?name=m&dimension=2".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let model = Prepared::read(&url).unwrap().open(&peer("fanone.http", &folder), Duration::from_secs(10));
    let embed = || model.embed(DynamicImage::new_rgb8(1, 1));
    assert!(matches!(embed().await, Err(ModelError::NoHost(_))));
    assert!(matches!(embed().await, Err(ModelError::Resting)));
}
