"""Where uploads and what runs keep between steps lie: a folder, or an object storage."""
