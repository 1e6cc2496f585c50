"""Making stored days anew from the raw archive, without the publisher; and proving that they are what it gives (B3, B4)."""
