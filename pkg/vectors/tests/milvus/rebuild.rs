//! A new collection in place of the present one.

use fanone_vectors::{Index, MilvusIndex, VectorError};

use crate::{
    MODEL,
    common::{Fresh, PATIENCE, axis, eventually},
};

#[tokio::test]
async fn the_old_collection_is_searched_until_the_switch() {
    let fresh = Fresh::new();
    let index = &fresh.index;
    // Another process, which has looked at the collection before.
    let other = MilvusIndex::new(&fresh.url, PATIENCE);
    index.upsert(MODEL, vec![(1, axis(0))]).await.unwrap();
    eventually("it is found", async || fresh.ids(MODEL, axis(0), 9).await == [1]).await;
    assert_eq!(other.count(MODEL).await.unwrap(), 1);
    let old = fresh.collections().await;

    // One that was broken off.
    let broken_off = index.rebuild(MODEL, 8).await.unwrap();
    broken_off.add(vec![(5, axis(5))]).await.unwrap();
    let rebuild = index.rebuild(MODEL, 8).await.unwrap();
    let all = fresh.collections().await;
    assert!(all.len() == 2 && !all.contains(&broken_off.name().to_owned()), "{all:?}");

    let refused = rebuild.add(vec![(2, axis(0)), (3, vec![1.0])]).await.unwrap();
    assert!(matches!(&*refused, [(3, VectorError::Dimension { .. })]));
    rebuild.complete().await.unwrap();
    assert_eq!(fresh.ids(MODEL, axis(0), 9).await, [1], "not before the switch");
    let before = rebuild.switch().await.unwrap();
    assert_eq!(before.as_deref(), Some(old[0].as_str()));
    eventually("the new one is searched", async || fresh.ids(MODEL, axis(0), 9).await == [2]).await;
    rebuild.drop_before(&old[0]).await.unwrap();
    assert_eq!(fresh.collections().await, [rebuild.name()]);
    for index in [index, &other] {
        assert_eq!(index.search(MODEL, axis(0), 9).await.unwrap().len(), 1);
    }
    other.upsert(MODEL, vec![(4, axis(4))]).await.unwrap();
    eventually("what comes then is there", async || fresh.ids(MODEL, axis(4), 9).await == [2, 4]).await;
}

#[tokio::test]
async fn a_model_without_a_collection_gets_one() {
    let fresh = Fresh::new();
    let rebuild = fresh.index.rebuild(MODEL, 8).await.unwrap();
    rebuild.add((1..=700).map(|id| (id, axis(id as usize % 8))).collect()).await.unwrap();
    rebuild.complete().await.unwrap();
    assert_eq!(rebuild.switch().await.unwrap(), None);
    assert_eq!(fresh.index.count(MODEL).await.unwrap(), 700);
    assert_eq!(fresh.index.search(MODEL, axis(3), 80).await.unwrap().len(), 80);
}
