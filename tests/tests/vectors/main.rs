//! Image search on a Milvus: `FANONE_TEST_VECTORS=milvus`, and `scripts/servers up milvus`. What users see of it while all is
//! well is tested by `it image_search`.

#[cfg(test)]
mod kit;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod rebuild;
