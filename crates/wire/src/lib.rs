//! The protocols of AWS, one file each, and the validation of inputs. Names no service.
