//! The index in a real Milvus: `scripts/servers up milvus`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

mod common;
mod rebuild;
mod trouble;

use common::{Fresh, axis, eventually};
use fanone_vectors::{Index, Of, VectorError};

const MODEL: &str = "Model/1.0 of-tests";

#[tokio::test]
async fn the_nearest_are_found_replaced_and_removed() {
    let fresh = Fresh::new();
    let index = &fresh.index;
    assert_eq!(index.search(MODEL, axis(0), 5).await.unwrap(), [], "nothing is there yet");
    let refused = index.upsert(MODEL, vec![(1, axis(0)), (2, axis(1)), (i64::MAX, axis(2))]).await.unwrap();
    assert!(refused.is_empty());
    eventually("all are searched", async || fresh.ids(MODEL, axis(1), 9).await.len() == 3).await;
    let mut between = axis(1);
    between[2] = 2.0;
    let matches = index.search(MODEL, between, 2).await.unwrap();
    assert_eq!(matches.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [i64::MAX, 2]);
    assert!((matches[0].1 - 0.894).abs() < 0.001 && (matches[1].1 - 0.447).abs() < 0.001, "{matches:?}");

    index.upsert(MODEL, vec![(1, axis(3)), (1, axis(4))]).await.unwrap();
    eventually("the last vector of an id counts", async || {
        let best = index.search(MODEL, axis(4), 1).await.unwrap();
        best[0].0 == 1 && best[0].1 > 0.99
    })
    .await;
    index.remove(Of::All, vec![1, 2, 77]).await.unwrap();
    eventually("they have gone", async || fresh.ids(MODEL, axis(4), 9).await == [i64::MAX]).await;
    assert_eq!(index.count(MODEL).await.unwrap(), 1);
    index.ping().await.unwrap();
}

#[tokio::test]
async fn each_model_has_a_collection_of_its_own() {
    let fresh = Fresh::new();
    let index = &fresh.index;
    index.upsert("one", vec![(1, axis(0)), (2, axis(1))]).await.unwrap();
    index.upsert("other", vec![(2, vec![1.0, 0.0]), (3, vec![0.0, 1.0])]).await.unwrap();
    index.remove(Of::Only("one"), vec![2, 3]).await.unwrap();
    eventually("it is only of the other", async || {
        fresh.ids("one", axis(1), 9).await == [1] && fresh.ids("other", vec![1.0, 0.0], 9).await == [2, 3]
    })
    .await;
    assert_eq!(index.count("none").await.unwrap(), 0);
    let dropped = index.drop_others(&["other"]).await.unwrap();
    assert!(dropped.len() == 1 && dropped[0].contains("_pictures_one__g"), "{dropped:?}");
    assert_eq!(index.search("one", axis(0), 9).await.unwrap(), []);
    assert_eq!(fresh.ids("other", vec![1.0, 0.0], 9).await, [2, 3]);
}

#[tokio::test]
async fn a_vector_that_does_not_fit_holds_up_no_other() {
    let fresh = Fresh::new();
    let items = vec![(1, axis(0)), (2, vec![1.0]), (3, vec![0.0; 8]), (4, vec![f32::NAN; 8]), (5, axis(5))];
    let refused = fresh.index.upsert(MODEL, items).await.unwrap();
    assert!(matches!(
        &*refused,
        [
            (2, VectorError::Dimension { expected: 8, actual: 1 }),
            (3, VectorError::Zero),
            (4, VectorError::NotFinite)
        ]
    ));
    eventually("the others are there", async || fresh.ids(MODEL, axis(0), 9).await == [1, 5]).await;
    let wrong = fresh.index.search(MODEL, vec![1.0], 1).await;
    assert!(matches!(wrong, Err(VectorError::Dimension { expected: 8, actual: 1 })), "{wrong:?}");
}

#[tokio::test]
async fn many_are_found_as_exactly_as_by_comparing_all() {
    let fresh = Fresh::new();
    let random = |seed: i64| -> Vec<f32> {
        let mut state = seed as u64 * 2 + 1;
        (0..32)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    };
    let exact = fanone_vectors::MemoryIndex::default();
    let items: Vec<_> = (1..=1200).map(|id| (id, random(id))).collect();
    exact.upsert(MODEL, items.clone()).await.unwrap();
    fresh.index.upsert(MODEL, items).await.unwrap();
    eventually("all are there", async || fresh.index.count(MODEL).await.unwrap() == 1200).await;
    let mut same = 0;
    for seed in 5000..5020 {
        let best: Vec<i64> =
            exact.search(MODEL, random(seed), 10).await.unwrap().iter().map(|it| it.0).collect();
        same += fresh.ids(MODEL, random(seed), 10).await.iter().filter(|id| best.contains(id)).count();
    }
    assert!(same >= 190, "{same} of 200");
}
