"""Every query of Burrow. Each function works in the transaction it is given and never commits."""
