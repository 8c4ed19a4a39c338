"""seglib: models, losses, scores, street scenes and the training loop of a reproducible study of urban-scene segmentation."""
