//! A network in an ONNX file, run by tract.
//!
//! It takes one picture as 32-bit floats `[1, 3, height, width]`, red, green and blue, each from 0 to 1 less a mean and by a
//! standard deviation, and gives one vector. The mean and the deviation stand in the file's `metadata_props` as `mean` and
//! `std`, three numbers with commas; without them they are ImageNet's. The picture is squeezed into width and height.

use std::{
    fs::File,
    io::Read as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use image::{DynamicImage, imageops::FilterType};
use sha2::{Digest as _, Sha256};
use tract_onnx::{
    pb::ModelProto,
    prelude::{
        Datum as _, Framework as _, InferenceFact, InferenceModelExt as _, IntoRunnable as _, Tensor,
        TractError, TractResult, TypedRunnableModel, tvec,
    },
    tract_hir::infer::Factoid as _,
};

use super::{ModelError, OpenError, workers::Workers};
use fanone_config::DIMENSION_MAX;

/// The longest file: what a front can hold in memory, and run on two cores.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// The largest picture that a network may ask for, pixels a side.
const SIDE_MAX: usize = 1024;
/// So many digits of the file's hash are enough to tell models apart.
const HASH_BYTES: usize = 6;
const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// A network that is ready to run.
#[derive(Clone)]
pub(super) struct Onnx {
    network: Arc<Network>,
    name: String,
    workers: Workers,
}

struct Network {
    plan: Arc<TypedRunnableModel>,
    input: Input,
    dimension: usize,
}

/// What the network wants to see.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Input {
    width: usize,
    height: usize,
    mean: [f32; 3],
    std: [f32; 3],
}

impl Onnx {
    /// Reads and optimises the network of a file.
    pub(super) fn read(path: &Path) -> Result<Self, OpenError> {
        let bytes = content(path)?;
        let digest = Sha256::digest(&bytes);
        let name =
            digest.iter().take(HASH_BYTES).fold("onnx-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
        // tract panics at some files that are none.
        let read = catch_unwind(AssertUnwindSafe(|| Network::read(&bytes)));
        let fault = read.unwrap_or_else(|_panic| Err(Fault::Network("it can't be read".to_owned())));
        let network = fault.map_err(|fault| match fault {
            Fault::Network(reason) => OpenError::Network { path: path.to_owned(), reason },
            Fault::Unfit(reason) => OpenError::Unfit { path: path.to_owned(), reason },
        })?;
        Ok(Self { network: Arc::new(network), name, workers: Workers::default() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dimension(&self) -> usize {
        self.network.dimension
    }

    pub(super) async fn embed(&self, picture: DynamicImage) -> Result<Vec<f32>, ModelError> {
        let network = Arc::clone(&self.network);
        self.workers.run(move || network.run(&picture)).await
    }
}

fn content(path: &Path) -> Result<Vec<u8>, OpenError> {
    let failed = |error| OpenError::File(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(OpenError::TooLong { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    Ok(bytes)
}

/// What is wrong with the content of a file.
enum Fault {
    Network(String),
    Unfit(String),
}

impl From<TractError> for Fault {
    fn from(error: TractError) -> Self {
        Self::Network(format!("{error:#}"))
    }
}

impl Network {
    fn read(mut bytes: &[u8]) -> Result<Self, Fault> {
        let onnx = tract_onnx::onnx();
        let proto = onnx.proto_model_for_read(&mut bytes)?;
        let model = onnx.model_for_proto_model(&proto)?;
        if model.inputs.len() != 1 || model.outputs.len() != 1 {
            let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
            return Err(Fault::Unfit(format!(
                "it has {inputs} inputs and {outputs} outputs; one of each is needed"
            )));
        }
        let shape = model.input_fact(0)?.shape.clone();
        let sizes: Vec<Option<i64>> =
            shape.dims().map(|size| size.concretize().and_then(|size| size.to_i64().ok())).collect();
        let side = |size: i64| usize::try_from(size).ok().filter(|size| (1..=SIDE_MAX).contains(size));
        let sides = match sizes[..] {
            // The first is the number of pictures, which may be left open.
            [None | Some(1), Some(3), Some(height), Some(width)] => side(height).zip(side(width)),
            _ => None,
        };
        let Some((height, width)) = sides else {
            return Err(Fault::Unfit(format!("its input is {shape:?}; [1, 3, HEIGHT, WIDTH] is needed")));
        };
        let mean = three(&proto, "mean", IMAGENET_MEAN)?;
        let std = three(&proto, "std", IMAGENET_STD)?;
        if std.iter().any(|number| *number <= 0.0) {
            return Err(Fault::Unfit("std in metadata_props must be above 0".to_owned()));
        }
        let fact = InferenceFact::dt_shape(f32::datum_type(), tvec!(1, 3, height, width));
        let plan = model.with_input_fact(0, fact)?.into_optimized()?.into_runnable()?;
        let mut network = Self { plan, input: Input { width, height, mean, std }, dimension: 0 };
        // The shape of what comes out is known when something has come out.
        let trial = network.run(&DynamicImage::new_rgb8(1, 1));
        network.dimension = trial.map_err(|error| Fault::Unfit(error.to_string()))?.len();
        if !(1..=DIMENSION_MAX).contains(&network.dimension) {
            let numbers = network.dimension;
            return Err(Fault::Unfit(format!("it gives {numbers} numbers; 1 to {DIMENSION_MAX} are taken")));
        }
        Ok(network)
    }

    fn run(&self, picture: &DynamicImage) -> Result<Vec<f32>, ModelError> {
        let run = || -> TractResult<Option<Vec<f32>>> {
            let outputs = self.plan.run(tvec!(self.input.tensor(picture)?.into()))?;
            let Some(vector) = outputs.first() else { return Ok(None) };
            let vector = vector.cast_to::<f32>()?;
            Ok(Some(vector.to_plain_array_view::<f32>()?.iter().copied().collect()))
        };
        let vector = run().map_err(|error| ModelError::Network(format!("{error:#}")))?;
        vector.ok_or_else(|| ModelError::Network("it gives nothing".to_owned()))
    }
}

impl Input {
    /// The picture as the network takes it.
    fn tensor(&self, picture: &DynamicImage) -> TractResult<Tensor> {
        let (width, height) = (self.width as u32, self.height as u32);
        let pixels = picture.resize_exact(width, height, FilterType::Triangle).into_rgb8();
        let numbers = |channel: usize| {
            let (mean, std) = (self.mean.get(channel).copied(), self.std.get(channel).copied());
            let (mean, std) = (mean.unwrap_or_default(), std.unwrap_or(1.0));
            let values = pixels.pixels().map(move |pixel| pixel.0.get(channel).copied().unwrap_or_default());
            values.map(move |value| (f32::from(value) / 255.0 - mean) / std).collect::<Vec<f32>>()
        };
        let numbers = [numbers(0), numbers(1), numbers(2)].concat();
        Tensor::from_shape(&[1, 3, self.height, self.width], &numbers)
    }
}

/// Three numbers of the file's `metadata_props`.
fn three(proto: &ModelProto, key: &str, default: [f32; 3]) -> Result<[f32; 3], Fault> {
    let Some(property) = proto.metadata_props.iter().find(|property| property.key == key) else {
        return Ok(default);
    };
    let numbers: Option<Vec<f32>> =
        property.value.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[f32; 3]>::try_from(numbers).ok());
    let finite = numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite()));
    finite.ok_or_else(|| {
        Fault::Unfit(format!("{key} in metadata_props is no three numbers: {:?}", property.value))
    })
}
