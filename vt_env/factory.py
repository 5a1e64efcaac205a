"""`EpisodeFactory`: the one place that makes episodes, alone or in groups, of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vt_env.config import EpisodeConfig
from vt_env.episode import Episode
from vt_env.images.views import SharedImage
from vt_env.rewards import RewardConfig
from vt_env.samples import Dataset, Sample
from vt_env.templates import PromptTemplate


@dataclass(frozen=True)
class EpisodeFactory:
    """A dataset, and what an episode on any of its samples is played by.

    Attributes:
        dataset: Where the samples come from.
        config: The rules.
        rewards: Weights of the reward terms.
        template: What is said around the images.
        episode_class: What the episodes are.
    """

    dataset: Dataset
    config: EpisodeConfig
    rewards: RewardConfig
    template: PromptTemplate
    episode_class: type[Episode] = Episode

    def episode(self, index: int) -> Episode:
        """A fresh episode on the sample at `index`.

        Raises:
            ImageError: If the sample's image cannot be read.
        """
        return self.on(self.dataset[index])

    def group(self, index: int, count: int) -> list[Episode]:
        """Fresh episodes on one sample; what they share, each view of its image, is made once.

        Args:
            index: Which sample.
            count: How many episodes.

        Raises:
            ImageError: If the sample's image cannot be read.
        """
        shared = self.shared(index)
        return [self.on(shared) for _ in range(count)]

    def shared(self, index: int) -> Sample:
        """The sample at `index`; episodes on it share each view of its image."""
        sample = self.dataset[index]
        return replace(sample, image=SharedImage(sample.image))

    def at_full(self) -> EpisodeFactory:
        """The same, with the full-resolution view as the first and only rung of the ladder."""
        return replace(self, config=replace(self.config, resolutions=(1.0,)))

    def on(self, sample: Sample) -> Episode:
        """A fresh episode on a sample, the dataset's or any other.

        Raises:
            ImageError: If the sample's image cannot be read.
        """
        return self.episode_class(sample, self.config, self.rewards, self.template)
