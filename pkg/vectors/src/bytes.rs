//! Vectors as they travel and lie in databases: 32-bit floats, little endian.

use crate::VectorError;

/// The vector as little-endian 32-bit floats, 4 bytes each.
pub fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector in `bytes`; empty for no bytes.
///
/// # Errors
/// [`VectorError::Bytes`] unless the length is a multiple of 4, [`VectorError::NotFinite`] for NaN and infinity.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>, VectorError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(VectorError::Bytes(bytes.len()));
    }
    let vector: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
    if vector.iter().any(|number| !number.is_finite()) {
        return Err(VectorError::NotFinite);
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lead_back_to_the_vector() {
        let vector = vec![0.5, -1.0, 0.0, 3.25];
        let bytes = to_bytes(&vector);
        assert_eq!(bytes.len(), 16);
        assert_eq!(bytes[..4], [0, 0, 0, 0x3f]);
        assert_eq!(from_bytes(&bytes).unwrap(), vector);
        assert!(from_bytes(&[]).unwrap().is_empty());
    }

    #[test]
    fn half_a_number_and_nan_are_refused() {
        assert!(matches!(from_bytes(&[0; 7]), Err(VectorError::Bytes(7))));
        assert!(matches!(from_bytes(&to_bytes(&[f32::NAN])), Err(VectorError::NotFinite)));
    }
}
