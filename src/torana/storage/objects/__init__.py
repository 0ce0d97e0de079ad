"""Made pictures that wait to be fetched, in a directory or in a bucket."""
