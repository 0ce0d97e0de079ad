"""What is done to a source before it is looked through: tiny ones are drawn larger, cramped ones given margins."""
