"""What Gemini speaks: ``generateContent`` in words, at the Gemini API and within Google Cloud."""
