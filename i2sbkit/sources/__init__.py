"""Where photographs to train and measure on come from: folders, shards, servers; found, decoded, put in order."""
