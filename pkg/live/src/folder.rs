//! Documents as the files of a folder.

use std::{io, path::Path};

use fanone_config::DOCUMENT_BYTES_MAX;
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::documents::SourceError;

/// The text of the file `name`; empty if it is not there. The folder itself must be.
pub(crate) async fn read(folder: &Path, name: &str) -> Result<String, SourceError> {
    let path = folder.join(name);
    let error = |error| SourceError::Folder(path.clone(), error);
    match File::open(&path).await {
        Ok(file) => beginning(file).await.map_err(error),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
            let listed = tokio::fs::read_dir(folder).await;
            listed.map(|_| String::new()).map_err(|error| SourceError::Folder(folder.to_owned(), error))
        }
        Err(problem) => Err(error(problem)),
    }
}

/// As much as a document may have, and one byte more if there is more.
async fn beginning(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
