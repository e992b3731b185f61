"""What the body of any stage uses: images, seeds, resume state, seals and shards."""
