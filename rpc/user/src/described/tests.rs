use fanone_base::Id;
use fanone_vectors::to_bytes;

use crate::{error::UserError, testing::World};

const OLD: &str = "old";
const NEW: &str = "new";

/// A user for each vector, whose avatar it is; the ids of the pictures, in this order.
async fn library(world: &World, pictures: &[(&[f32], &str)]) -> Vec<Id> {
    let mut ids = Vec::new();
    for (number, (vector, model)) in pictures.iter().enumerate() {
        let user = world.user(&format!("user-{number}")).await;
        let key = format!("p/{number}");
        world.service.avatars.set(user, &key, &to_bytes(vector), model).await.unwrap();
        let found = world.service.pictures.undescribed("none", 500).await.unwrap();
        ids.push(Id(found.iter().find(|(_, of)| *of == key).unwrap().0));
    }
    ids
}

fn keys(mut found: Vec<(i64, String)>) -> Vec<String> {
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found.into_iter().map(|(_, key)| key).collect()
}

async fn best(world: &World, model: &str) -> Option<String> {
    let found = world.service.pictures.search(&to_bytes(&[1.0, 0.0]), model, 1).await.unwrap();
    found.into_iter().next().map(|found| found.picture.media_key)
}

#[tokio::test]
async fn what_a_model_has_not_described_is_listed_until_it_has() {
    let world = World::new().await;
    let ids = library(&world, &[(&[1.0, 0.0], OLD), (&[], ""), (&[0.0, 1.0], NEW)]).await;
    let pictures = &world.service.pictures;
    assert_eq!(keys(pictures.undescribed(NEW, 500).await.unwrap()), ["p/0", "p/1"]);
    assert_eq!(pictures.undescribed(NEW, 1).await.unwrap().len(), 1);
    assert!(!pictures.is_complete(NEW).await.unwrap());
    assert!(!pictures.is_complete(OLD).await.unwrap());

    let written = pictures.describe(NEW, vec![(ids[0], to_bytes(&[1.0, 0.0]))]).await.unwrap();
    assert_eq!(written, 1);
    assert!(pictures.is_complete(NEW).await.unwrap(), "a picture without any vector holds nothing up");
    assert_eq!(best(&world, NEW).await.as_deref(), Some("p/0"));

    // There can be no vector of this one.
    assert_eq!(pictures.describe(NEW, vec![(ids[1], Vec::new())]).await.unwrap(), 1);
    assert!(pictures.undescribed(NEW, 500).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_picture_is_described_once_and_only_while_it_is_there() {
    let world = World::new().await;
    let ids = library(&world, &[(&[1.0, 0.0], NEW)]).await;
    let pictures = &world.service.pictures;
    let other = to_bytes(&[0.0, 1.0]);
    let gone = world.service.avatars.ids.next(ids[0].bucket());
    let written = pictures.describe(NEW, vec![(ids[0], other.clone()), (gone, other)]).await.unwrap();
    assert_eq!(written, 0);
    let found = pictures.search(&to_bytes(&[1.0, 0.0]), NEW, 10).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].score > 0.99, "the vector that it had stays");
}

#[tokio::test]
async fn while_a_model_takes_over_the_one_before_finds_everything() {
    let world = World::new().await;
    let ids = library(&world, &[(&[1.0, 0.0], OLD), (&[0.6, 0.8], OLD)]).await;
    let pictures = &world.service.pictures;
    pictures.describe(NEW, vec![(ids[0], to_bytes(&[1.0, 0.0, 0.0]))]).await.unwrap();
    assert_eq!(best(&world, OLD).await.as_deref(), Some("p/0"));
    let found = pictures.search(&to_bytes(&[1.0, 0.0, 0.0]), NEW, 10).await.unwrap();
    assert_eq!(found.len(), 1, "vectors of other models are not compared, whatever their length");
    // What is told of a picture counts for every index.
    pictures.removed(&[ids[0]]).await;
    assert_eq!(best(&world, OLD).await.as_deref(), Some("p/1"));
}

#[tokio::test]
async fn what_is_no_question_is_refused_by_its_field() {
    let world = World::new().await;
    let pictures = &world.service.pictures;
    let field = |error: UserError| match error {
        UserError::Field(error) => error.field,
        other => panic!("{other}"),
    };
    for (model, limit, expected) in
        [("", 1, "model"), (&"m".repeat(65), 1, "model"), (NEW, 0, "limit"), (NEW, 501, "limit")]
    {
        assert_eq!(field(pictures.undescribed(model, limit).await.unwrap_err()), expected);
    }
    let many = (0..501).map(|id| (Id(id), Vec::new())).collect();
    assert_eq!(field(pictures.describe(NEW, many).await.unwrap_err()), "items");
    let broken = vec![(Id(1), vec![0; 3])];
    assert_eq!(field(pictures.describe(NEW, broken).await.unwrap_err()), "vector");
    assert_eq!(field(pictures.describe("", Vec::new()).await.unwrap_err()), "model");
}
