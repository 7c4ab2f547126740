//! The series of FireEye (Trellix) appliances.

crate::words! {
    /// A product line. Tokens and names: docs.trellix.com, CLI reference, `show version`.
    pub enum Series {
        /// Network Security (`Web MPS`, `wMPS`).
        Nx = "nx",
        /// Email Security, Server (`eMPS`).
        Ex = "ex",
        /// Endpoint Security server (`HX`).
        Hx = "hx",
        /// Central Management (`CMS`).
        Cm = "cm",
        /// Malware Analysis (`MAS`).
        Ax = "ax",
        /// File Protect (`fMPS`).
        Fx = "fx",
    }
}

impl Series {
    /// The series behind the product token of `show version` (`Product name:` or `Product release:`).
    pub fn from_product(token: &str) -> Option<Self> {
        match token.trim() {
            "Web MPS" | "wMPS" | "WEB_MPS" | "NX" => Some(Self::Nx),
            "Email MPS" | "eMPS" | "EMAIL_MPS" | "EX" => Some(Self::Ex),
            "HX" => Some(Self::Hx),
            "CMS" | "CM" => Some(Self::Cm),
            "MAS" | "AX" => Some(Self::Ax),
            "File MPS" | "fMPS" | "FILE_MPS" | "FX" => Some(Self::Fx),
            _ => None,
        }
    }
}
